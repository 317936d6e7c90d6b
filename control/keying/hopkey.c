/* SPDX-License-Identifier: Apache-2.0 */
#include "control/keying/hopkey.h"
#include <sodium.h>
#include <string.h>
#include "control/keying/vault.h"

/* One vault for all calls; it goes when the last key has gone. */
static struct vault *vault;
static unsigned live;

struct hopkey *hopkey_new(void)
{
	struct hopkey *k;

	if (!vault)
		vault = vault_new(sizeof(struct hopkey));
	k = vault ? vault_take(vault) : NULL;
	if (!k)
		return NULL;
	live++;
	k->refs = 1;
	k->known = true;
	while (k->id == 0)
		randombytes_buf(&k->id, sizeof(k->id));
	return k;
}

struct hopkey *hopkey_ref(struct hopkey *k)
{
	if (k)
		k->refs++;
	return k;
}

void hopkey_drop(struct hopkey **kp)
{
	struct hopkey *k = *kp;

	*kp = NULL;
	if (!k || --k->refs > 0)
		return;
	vault_give(vault, k);
	if (--live == 0) {
		vault_free(vault);
		vault = NULL;
	}
}

void hopkey_export(const struct hopkey *k, struct sp_key *out)
{
	memset(out, 0, sizeof(*out));
	if (!k)
		return;
	out->id = k->id;
	out->suite = k->sdes.suite;
	out->packets = k->sdes.packets;
	out->mki_len = k->sdes.mki_len;
	memcpy(out->mki, k->sdes.mki, sizeof(out->mki));
	memcpy(out->key, k->sdes.key, sizeof(out->key));
	memcpy(out->salt, k->sdes.salt, sizeof(out->salt));
}
