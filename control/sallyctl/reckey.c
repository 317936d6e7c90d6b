/* SPDX-License-Identifier: Apache-2.0 */
#include "control/sallyctl/reckey.h"
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include "control/sallyctl/commands.h"

#define HEADING	   "Sallyport recording key 1"
#define LINE_SIZE  512
#define PASSPHRASE 256
#define BASE64	   sodium_base64_VARIANT_ORIGINAL

struct lock {
	unsigned long long ops;
	size_t memory;
	unsigned char salt[crypto_pwhash_SALTBYTES];
	unsigned char nonce[crypto_secretbox_NONCEBYTES];
	unsigned char
		box[crypto_box_SECRETKEYBYTES + crypto_secretbox_MACBYTES];
};

static bool fail(const char *path, const char *why)
{
	fprintf(stderr, "sallyctl: %s: %s.\n", path, why);
	return false;
}

const char *reckey_public(const struct reckey *k, char text[RECKEY_TEXT])
{
	return sodium_bin2base64(text, RECKEY_TEXT, k->pub, sizeof(k->pub),
				 BASE64);
}

/* What the passphrase yields, for either way. */
static bool stretch(const struct lock *l, const char *passphrase,
		    unsigned char key[crypto_secretbox_KEYBYTES])
{
	return !crypto_pwhash(key, crypto_secretbox_KEYBYTES, passphrase,
			      strlen(passphrase), l->salt, l->ops, l->memory,
			      crypto_pwhash_ALG_ARGON2ID13);
}

static bool write_locked(FILE *f, const struct reckey *k,
			 const char *passphrase)
{
	struct lock l = {.ops = crypto_pwhash_OPSLIMIT_MODERATE,
			 .memory = crypto_pwhash_MEMLIMIT_MODERATE};
	unsigned char key[crypto_secretbox_KEYBYTES];
	char salt[64], nonce[64], box[128];

	randombytes_buf(l.salt, sizeof(l.salt));
	randombytes_buf(l.nonce, sizeof(l.nonce));
	if (!stretch(&l, passphrase, key))
		return false;
	crypto_secretbox_easy(l.box, k->priv, sizeof(k->priv), l.nonce, key);
	sodium_memzero(key, sizeof(key));
	sodium_bin2base64(salt, sizeof(salt), l.salt, sizeof(l.salt), BASE64);
	sodium_bin2base64(nonce, sizeof(nonce), l.nonce, sizeof(l.nonce),
			  BASE64);
	sodium_bin2base64(box, sizeof(box), l.box, sizeof(l.box), BASE64);
	return fprintf(f, "locked %llu %zu %s %s %s\n", l.ops, l.memory, salt,
		       nonce, box) > 0;
}

bool reckey_make(struct reckey *k, const char *path, const char *passphrase)
{
	int fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
	FILE *f = fd < 0 ? NULL : fdopen(fd, "w");
	char text[RECKEY_TEXT];
	bool good;

	if (!f)
		return fail(path, strerror(errno));
	crypto_box_keypair(k->pub, k->priv);
	good = fprintf(f, HEADING "\npublic %s\n", reckey_public(k, text)) > 0;
	if (good && passphrase) {
		good = write_locked(f, k, passphrase);
	} else if (good) {
		sodium_bin2base64(text, sizeof(text), k->priv, sizeof(k->priv),
				  BASE64);
		good = fprintf(f, "private %s\n", text) > 0;
		sodium_memzero(text, sizeof(text));
	}
	good = !fflush(f) && !fsync(fd) && good;
	if (fclose(f) || !good) {
		unlink(path);
		return fail(path, "can't be written");
	}
	return true;
}

static bool from_base64(unsigned char *out, size_t size, const char *text)
{
	size_t n = 0;

	return !sodium_base642bin(out, size, text, strlen(text), NULL, &n, NULL,
				  BASE64) &&
	       n == size;
}

static bool unlock(struct reckey *k, const char *path, const char *line)
{
	char salt[64], nonce[64], box[128], passphrase[PASSPHRASE];
	unsigned char key[crypto_secretbox_KEYBYTES];
	struct lock l = {0};
	bool good;

	if (sscanf(line, "locked %llu %zu %63s %63s %127s", &l.ops, &l.memory,
		   salt, nonce, box) != 5 ||
	    l.memory > crypto_pwhash_MEMLIMIT_SENSITIVE ||
	    !from_base64(l.salt, sizeof(l.salt), salt) ||
	    !from_base64(l.nonce, sizeof(l.nonce), nonce) ||
	    !from_base64(l.box, sizeof(l.box), box))
		return fail(path, "is damaged");
	if (!password_read(passphrase, sizeof(passphrase)))
		return fail(path, "needs its passphrase, on standard input");
	good = stretch(&l, passphrase, key) &&
	       !crypto_secretbox_open_easy(k->priv, l.box, sizeof(l.box),
					   l.nonce, key);
	sodium_memzero(passphrase, sizeof(passphrase));
	sodium_memzero(key, sizeof(key));
	return good || fail(path, "has another passphrase");
}

bool reckey_load(struct reckey *k, const char *path)
{
	FILE *f = fopen(path, "re");
	char line[3][LINE_SIZE] = {"", "", ""};
	unsigned char pub[crypto_box_PUBLICKEYBYTES];
	bool good = false;

	if (!f)
		return fail(path, strerror(errno));
	for (unsigned i = 0; i < 3 && fgets(line[i], LINE_SIZE, f); i++)
		line[i][strcspn(line[i], "\r\n")] = '\0';
	fclose(f);
	if (strcmp(line[0], HEADING) || strncmp(line[1], "public ", 7) ||
	    !from_base64(k->pub, sizeof(k->pub), line[1] + 7))
		return fail(path, "is no key of `recordings keygen`");
	if (!strncmp(line[2], "private ", 8))
		good = from_base64(k->priv, sizeof(k->priv), line[2] + 8) ||
		       fail(path, "is damaged");
	else
		good = unlock(k, path, line[2]);
	sodium_memzero(line, sizeof(line));
	if (!good)
		return false;
	crypto_scalarmult_base(pub, k->priv);
	return !memcmp(pub, k->pub, sizeof(pub)) || fail(path, "is damaged");
}
