// SPDX-License-Identifier: Apache-2.0
/* dataplane/port/reserve.c - see reserve.h. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include "dataplane/app/log.h"
#include "dataplane/port/reserve.h"

#define PORTS	 65536
#define TEXT_MAX 32768 /* the kernel's own bound on what it takes */
#define LINE_MAX 32    /* the note's first line: which network namespace */

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

static ssize_t read_file(const char *path, char *text, size_t size)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	ssize_t got = fd < 0 ? -1 : read(fd, text, size);

	if (fd >= 0)
		close(fd);
	return got;
}

static int write_file(const char *path, int flags, const char *text, size_t len)
{
	int fd = open(path, O_WRONLY | O_CLOEXEC | flags, 0600);
	ssize_t put;

	if (fd < 0)
		return -1;
	put = write(fd, text, len);
	close(fd);
	return put == (ssize_t)len ? 0 : -1;
}

static int load(uint8_t bits[PORTS / 8])
{
	static char text[TEXT_MAX];
	ssize_t got = read_file(RESERVE_PATH, text, sizeof(text));

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

	if (!len) {
		errno = ENOSPC;
		return -1;
	}
	return write_file(RESERVE_PATH, 0, text, len);
}

/** The note's first line; the kernel has one list for each namespace. */
static size_t namespace_line(char out[LINE_MAX])
{
	struct stat st = {0};

	stat("/proc/self/ns/net", &st);
	return (size_t)snprintf(out, LINE_MAX, "%llu\n",
				(unsigned long long)st.st_ino);
}

/** What a run that was killed has added here; none where none was. */
static void note_read(const char *path, uint8_t bits[PORTS / 8])
{
	static char text[LINE_MAX + TEXT_MAX];
	char here[LINE_MAX];
	size_t line = namespace_line(here);
	ssize_t got = read_file(path, text, sizeof(text));

	if (got < (ssize_t)line || memcmp(text, here, line) ||
	    !reserve_parse(text + line, (size_t)got - line, bits))
		memset(bits, 0, PORTS / 8);
}

static int note_write(const char *path, const uint8_t bits[PORTS / 8])
{
	static char text[LINE_MAX + TEXT_MAX];
	size_t line = namespace_line(text);
	size_t len = reserve_print(bits, text + line, TEXT_MAX);

	return write_file(path, O_CREAT | O_TRUNC, text, line + len);
}

int reserve_ports(struct reserve *r, uint16_t first, uint16_t last,
		  const char *note)
{
	uint8_t bits[PORTS / 8], left[PORTS / 8];

	memset(r, 0, sizeof(*r));
	snprintf(r->note, sizeof(r->note), "%s", note);
	if (load(bits))
		goto fail;
	note_read(note, left);
	for (unsigned i = 0; i < PORTS / 8; i++)
		bits[i] &= (uint8_t)~left[i];
	for (unsigned port = first; port <= last; port++)
		if (!has(bits, port)) {
			set(bits, port);
			set(r->added, port);
		}
	if (note_write(note, r->added))
		log_line(LOG_WARNING,
			 "noting the reserved ports in %s: %s; if this run is "
			 "killed, they stay reserved",
			 note, strerror(errno));
	r->active = true;
	if (save(bits))
		goto fail;
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
	if (save(bits))
		goto fail;
	unlink(r->note);
	return;
fail:
	log_line(LOG_WARNING, "giving back media ports in %s: %s", RESERVE_PATH,
		 strerror(errno));
}
