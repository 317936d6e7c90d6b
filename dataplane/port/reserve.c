// SPDX-License-Identifier: Apache-2.0
/* dataplane/port/reserve.c - see reserve.h. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>
#include "dataplane/app/log.h"
#include "dataplane/port/reserve.h"

#define PORTS	 65536
#define TEXT_MAX 32768 /* the kernel's own bound on what it takes */

static bool has(const uint8_t *bits, unsigned port)
{
	return bits[port / 8] >> (port % 8) & 1;
}

static void set(uint8_t *bits, unsigned port)
{
	bits[port / 8] |= (uint8_t)(1 << port % 8);
}

/** A decimal number below PORTS at text[*at]. */
static bool number(const char *text, size_t len, size_t *at, unsigned *out)
{
	size_t start = *at;

	*out = 0;
	while (*at < len && text[*at] >= '0' && text[*at] <= '9' &&
	       *out < PORTS)
		*out = *out * 10 + (unsigned)(text[(*at)++] - '0');
	return *at > start && *out < PORTS;
}

bool reserve_parse(const char *text, size_t len, uint8_t bits[65536 / 8])
{
	size_t at = 0;

	memset(bits, 0, PORTS / 8);
	while (len && (text[len - 1] == '\n' || text[len - 1] == '\0'))
		len--;
	while (at < len) {
		unsigned from, to;

		if (!number(text, len, &at, &from))
			return false;
		to = from;
		if (at < len && text[at] == '-') {
			at++;
			if (!number(text, len, &at, &to) || to < from)
				return false;
		}
		for (; from <= to; from++)
			set(bits, from);
		if (at < len && text[at++] != ',')
			return false;
	}
	return true;
}

size_t reserve_print(const uint8_t bits[65536 / 8], char *out, size_t size)
{
	size_t n = 0;

	for (unsigned from = 0; from < PORTS; from++) {
		unsigned to = from;

		if (!has(bits, from))
			continue;
		while (to + 1 < PORTS && has(bits, to + 1))
			to++;
		n += (size_t)snprintf(out + n, size - n,
				      from == to ? "%s%u" : "%s%u-%u",
				      n ? "," : "", from, to);
		if (n + 1 >= size)
			return 0;
		from = to;
	}
	out[n++] = '\n';
	return n;
}

static int load(uint8_t bits[PORTS / 8])
{
	static char text[TEXT_MAX];
	int fd = open(RESERVE_PATH, O_RDONLY | O_CLOEXEC);
	ssize_t got = fd < 0 ? -1 : read(fd, text, sizeof(text));

	if (fd >= 0)
		close(fd);
	if (got < 0)
		return -1;
	if (!reserve_parse(text, (size_t)got, bits)) {
		errno = EINVAL;
		return -1;
	}
	return 0;
}

static int save(const uint8_t bits[PORTS / 8])
{
	static char text[TEXT_MAX];
	size_t len = reserve_print(bits, text, sizeof(text));
	int fd = open(RESERVE_PATH, O_WRONLY | O_CLOEXEC);
	ssize_t put = -1;

	if (fd < 0)
		return -1;
	if (len)
		put = write(fd, text, len);
	else
		errno = ENOSPC;
	close(fd);
	return put == (ssize_t)len ? 0 : -1;
}

int reserve_ports(struct reserve *r, uint16_t first, uint16_t last)
{
	uint8_t bits[PORTS / 8];

	memset(r, 0, sizeof(*r));
	if (load(bits))
		goto fail;
	for (unsigned port = first; port <= last; port++)
		if (!has(bits, port)) {
			set(bits, port);
			set(r->added, port);
		}
	if (save(bits))
		goto fail;
	r->active = true;
	return 0;
fail:
	log_line(LOG_WARNING,
		 "reserving media ports %u-%u in %s: %s; a program of this "
		 "machine may get one of them and hear nothing",
		 first, last, RESERVE_PATH, strerror(errno));
	return -1;
}

void reserve_restore(struct reserve *r)
{
	uint8_t bits[PORTS / 8];

	if (!r->active)
		return;
	r->active = false;
	if (load(bits))
		goto fail;
	for (unsigned i = 0; i < PORTS / 8; i++)
		bits[i] &= (uint8_t)~r->added[i];
	if (!save(bits))
		return;
fail:
	log_line(LOG_WARNING, "giving back media ports in %s: %s", RESERVE_PATH,
		 strerror(errno));
}
