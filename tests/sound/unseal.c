/* SPDX-License-Identifier: Apache-2.0 */
#define _GNU_SOURCE
#include "tests/sound/unseal.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

uint8_t *file_read(const char *path, size_t *n)
{
	FILE *f = fopen(path, "rb");
	uint8_t *p = NULL;
	long len;

	*n = 0;
	if (!f)
		return NULL;
	fseek(f, 0, SEEK_END);
	len = ftell(f);
	rewind(f);
	p = malloc((size_t)len + 1);
	if (p)
		*n = fread(p, 1, (size_t)len, f);
	fclose(f);
	return p;
}

static void keep_text(char *to, size_t size, const uint8_t *p, size_t n)
{
	if (n >= size)
		n = size - 1;
	memcpy(to, p, n);
	to[n] = '\0';
}

void unseal(struct unsealed *u, const uint8_t *p, size_t n,
	    const uint8_t pub[32], const uint8_t priv[32])
{
	static uint8_t out[SEAL_PIECE + SEAL_OVERHEAD];
	struct seal_header h;
	struct seal s;
	size_t at = seal_header_read(&h, p, n), len, got;
	int type = 0;

	memset(u, 0, sizeof(*u));
	u->opened = at && seal_open(&s, p, at, pub, priv);
	if (!u->opened)
		return;
	u->mkv = malloc(n);
	u->whole = true;
	while (at + 4 <= n && type != SEAL_END) {
		len = (size_t)p[at] << 24 | (size_t)p[at + 1] << 16 |
		      (size_t)p[at + 2] << 8 | p[at + 3];
		at += 4;
		if (len > n - at)
			return; /* cut off */
		type = seal_read(&s, p + at, len, out, &got);
		at += len;
		if (!type) {
			u->whole = false;
			return;
		}
		if (type == SEAL_META)
			keep_text(u->meta, sizeof(u->meta), out, got);
		if (type == SEAL_END)
			keep_text(u->end, sizeof(u->end), out, got);
		if (type == SEAL_DATA) {
			memcpy(u->mkv + u->len, out, got);
			u->len += got;
		}
	}
	u->complete = type == SEAL_END && at == n;
}

unsigned ffmpeg_track(const uint8_t *mkv, size_t n, unsigned track,
		      int16_t **pcm)
{
	char in[] = "/tmp/sound-test-XXXXXX", command[256];
	unsigned room = 16000 * 120, count = 0;
	int fd = mkstemp(in);
	FILE *f;

	*pcm = malloc(room * sizeof(**pcm));
	if (fd < 0 || write(fd, mkv, n) != (ssize_t)n || !*pcm)
		abort();
	close(fd);
	snprintf(command, sizeof(command),
		 "ffmpeg -v error -i %s -map 0:a:%u -f s16le -ac 1 -ar 16000 -",
		 in, track);
	f = popen(command, "r");
	if (f)
		count = (unsigned)fread(*pcm, sizeof(**pcm), room, f);
	if (!f || pclose(f))
		count = 0;
	unlink(in);
	return count;
}
