/* SPDX-License-Identifier: Apache-2.0 */
/* Reads one value in hex from each line, and writes what bencode.c makes of it
 * once decoded and encoded again, in hex, or "bad"; with the argument "prefix",
 * of what the line begins with, and how many octets that took. */
#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "control/ng/bencode.h"

#define LINE_MAX_OCTETS (1 << 20)

static void one(const unsigned char *p, size_t n, bool prefix)
{
	struct bencode_error e;
	size_t used = n, len = 0;
	json_t *v =
		bencode_decode((const char *)p, n, prefix ? &used : NULL, &e);
	char *out = v ? bencode_encode(v, &len) : NULL;

	json_decref(v);
	if (!out) {
		puts(!v && e.short_of ? "short" : "bad");
		return;
	}
	if (prefix)
		printf("%zu ", used);
	for (size_t i = 0; i < len; i++)
		printf("%02x", (unsigned char)out[i]);
	putchar('\n');
	free(out);
}

int main(int argc, char *argv[])
{
	static unsigned char octets[LINE_MAX_OCTETS / 2];
	static char line[LINE_MAX_OCTETS];
	bool prefix = argc > 1 && strcmp(argv[1], "prefix") == 0;
	unsigned char *p;
	size_t n;

	while (fgets(line, sizeof(line), stdin)) {
		if (sodium_hex2bin(octets, sizeof(octets), line,
				   strcspn(line, "\n"), NULL, &n, NULL) != 0)
			return 1;
		/* a copy of just that size: nothing may be read beyond it */
		p = malloc(n ? n : 1);
		if (!p)
			return 1;
		memcpy(p, octets, n);
		one(p, n, prefix);
		free(p);
	}
	return 0;
}
