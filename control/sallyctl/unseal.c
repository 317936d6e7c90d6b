/* SPDX-License-Identifier: Apache-2.0 */
#include "control/sallyctl/unseal.h"
#include <string.h>
#include "control/media/seal.h"

#define SEALED_MAX (SEAL_PIECE + SEAL_OVERHEAD)

struct pieces {
	struct seal seal;
	uint8_t sealed[SEALED_MAX], plain[SEALED_MAX];
};

/* @return octets of the next piece in p->sealed; 0: there is none; < 0: it is
 * longer than any, or cut off (*cut). */
static long next(struct pieces *p, FILE *from, bool *cut)
{
	uint8_t head[4];
	size_t n = fread(head, 1, sizeof(head), from), len;

	if (!n)
		return 0;
	*cut = n < sizeof(head);
	if (*cut)
		return -1;
	len = (size_t)head[0] << 24 | (size_t)head[1] << 16 |
	      (size_t)head[2] << 8 | head[3];
	if (len > SEALED_MAX)
		return -1;
	*cut = fread(p->sealed, 1, len, from) < len;
	return *cut ? -1 : (long)len;
}

static void take(struct unsealed *u, int type, const uint8_t *p, size_t n,
		 FILE *to)
{
	u->pieces++;
	if (type == SEAL_META && !u->meta)
		u->meta = json_loadb((const char *)p, n, 0, NULL);
	if (type == SEAL_END)
		u->end = json_loadb((const char *)p, n, 0, NULL);
	if (type != SEAL_DATA)
		return;
	u->octets += n;
	if (to && fwrite(p, 1, n, to) != n)
		u->unwritable = true;
}

static enum unseal_state read_pieces(struct unsealed *u, struct pieces *p,
				     FILE *from, FILE *to)
{
	bool cut = false;
	size_t n;
	long len;

	while ((len = next(p, from, &cut)) > 0) {
		int type = seal_read(&p->seal, p->sealed, (size_t)len, p->plain,
				     &n);

		if (!type)
			return UNSEAL_TAMPERED;
		take(u, type, p->plain, n, to);
		/* After the end there is nothing. */
		if (type == SEAL_END)
			return fgetc(from) == EOF ? UNSEAL_WHOLE
						  : UNSEAL_TAMPERED;
	}
	return len == 0 || cut ? UNSEAL_CUT : UNSEAL_TAMPERED;
}

void unseal(struct unsealed *u, FILE *from, const struct reckey *k, FILE *to)
{
	struct pieces *p = sodium_malloc(sizeof(*p));
	uint8_t head[SEAL_HEADER];
	struct seal_header h;
	size_t n;

	memset(u, 0, sizeof(*u));
	u->state = UNSEAL_NONE;
	if (!p)
		return;
	n = fread(head, 1, sizeof(head), from);
	n = seal_header_read(&h, head, n);
	if (n && !fseek(from, (long)n, SEEK_SET))
		u->state = seal_open(&p->seal, head, n, k->pub, k->priv)
				   ? read_pieces(u, p, from, to)
				   : UNSEAL_OTHER;
	sodium_free(p);
}
