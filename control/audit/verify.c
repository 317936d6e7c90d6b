/* SPDX-License-Identifier: Apache-2.0 */
#define _GNU_SOURCE /* memmem */
#include "control/audit/verify.h"
#include <errno.h>
#include <inttypes.h>
#include <limits.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include "control/audit/files.h"

__attribute__((format(printf, 2, 3))) static int say(struct audit_verdict *v,
						     const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(v->text, sizeof(v->text), fmt, ap);
	va_end(ap);
	return -1;
}

bool audit_key_read(const char *path, uint8_t key[CHAIN_PUBLIC], char *text,
		    size_t size)
{
	char hex[2 * CHAIN_PUBLIC + 2];
	FILE *f = fopen(path, "re");
	size_t got = 0;
	bool ok;

	if (!f) {
		snprintf(text, size, "%s: %s", path, strerror(errno));
		return false;
	}
	ok = fgets(hex, sizeof(hex), f) &&
	     sodium_hex2bin(key, CHAIN_PUBLIC, hex, strcspn(hex, "\n"), NULL,
			    &got, NULL) == 0 &&
	     got == CHAIN_PUBLIC;
	fclose(f);
	if (!ok)
		snprintf(text, size, "%s isn't a public key of %d hex digits",
			 path, 2 * CHAIN_PUBLIC);
	return ok;
}

/* "at":"...", which stands behind the number. */
static void time_of(const struct chain_line *l, char out[40])
{
	static const char open[] = "\"at\":\"";
	const char *p = memmem(l->text, l->len, open, sizeof(open) - 1);
	size_t n = 0, left;

	out[0] = '\0';
	if (!p)
		return;
	p += sizeof(open) - 1;
	left = l->len - (size_t)(p - l->text);
	while (n < left && n < 39 && p[n] != '"') {
		out[n] = p[n];
		n++;
	}
	out[n] = '\0';
}

/* One line: is it the record that comes next? */
static bool follows(struct audit_verdict *v, const char *line, size_t len,
		    uint8_t hash[CHAIN_HASH], struct chain_line *l)
{
	uint64_t due = v->records + 1;

	if (!chain_read(line, len, l)) {
		say(v, "line %" PRIu64 " isn't a record of an audit log", due);
		return false;
	}
	if (l->seq != due) {
		say(v,
		    l->seq > due ? "record %" PRIu64 " stands where %" PRIu64
				   " should: records are missing"
				 : "record %" PRIu64 " stands where %" PRIu64
				   " should: they are out of order",
		    l->seq, due);
		return false;
	}
	chain_next(hash, l->text, l->len, hash);
	if (memcmp(hash, l->hash, CHAIN_HASH) != 0) {
		say(v,
		    "record %" PRIu64 " has been changed, or doesn't belong "
		    "behind the one before it",
		    due);
		return false;
	}
	if (!chain_signed(l, v->key)) {
		say(v, "record %" PRIu64 " isn't signed by this key", due);
		return false;
	}
	return true;
}

/* One file of the log. more: another comes behind it. hash goes along. @return
 * true: whole. */
static bool walk_file(struct audit_verdict *v, FILE *f, bool more,
		      const struct chain_line *head, uint8_t hash[CHAIN_HASH])
{
	char line[CHAIN_LINE_MAX + 1];
	struct chain_line l;

	while (fgets(line, sizeof(line), f)) {
		size_t n = strlen(line);

		if (!n || line[n - 1] != '\n') {
			/* still being written: the head doesn't know it yet */
			if (!more && feof(f) && v->records >= head->seq)
				break;
			say(v, "line %" PRIu64 " isn't whole", v->records + 1);
			return false;
		}
		if (!follows(v, line, n - 1, hash, &l))
			return false;
		v->records++;
		time_of(&l, v->last);
		if (v->records == 1)
			memcpy(v->first, v->last, sizeof(v->first));
		if (v->records == head->seq &&
		    memcmp(l.hash, head->hash, CHAIN_HASH) != 0) {
			say(v,
			    "record %" PRIu64 " isn't the one that the head "
			    "knows",
			    v->records);
			return false;
		}
	}
	if (!ferror(f))
		return true;
	say(v, "a file of it can't be read to its end");
	return false;
}

/* Is it the file that f has open? It was put aside a moment ago. */
static bool same_file(FILE *f, const char *path)
{
	struct stat a, b;

	return !fstat(fileno(f), &a) && !stat(path, &b) &&
	       a.st_ino == b.st_ino && a.st_dev == b.st_dev;
}

/* The earlier files, oldest first. */
static bool walk_before(struct audit_verdict *v, const char *log, FILE *now,
			const struct chain_line *head, uint8_t hash[CHAIN_HASH])
{
	struct audit_file *files;
	int n = audit_files(log, &files);
	bool good = n >= 0;

	if (!good)
		say(v, "%s: its earlier files: %s", log, strerror(errno));
	for (int i = 0; i < n && good; i++) {
		FILE *f = fopen(files[i].path, "re");

		if (!f) {
			good = false;
			say(v, "%s: %s", files[i].path, strerror(errno));
			break;
		}
		if (!same_file(now, files[i].path))
			good = walk_file(v, f, true, head, hash);
		fclose(f);
	}
	free(files);
	return good;
}

/* All files against the head. @return true: whole. */
static bool walk(struct audit_verdict *v, const char *log, FILE *f,
		 const struct chain_line *head)
{
	uint8_t hash[CHAIN_HASH];

	chain_start(v->key, hash);
	if (!walk_before(v, log, f, head, hash) ||
	    !walk_file(v, f, false, head, hash))
		return false;
	if (v->records < head->seq) {
		say(v,
		    "the log ends at record %" PRIu64 ", its head knows of "
		    "%" PRIu64 ": the tail was cut off",
		    v->records, head->seq);
		return false;
	}
	return true;
}

static int head_load(struct audit_verdict *v, const char *path,
		     char line[CHAIN_LINE_MAX], struct chain_line *head)
{
	FILE *f = fopen(path, "re");
	size_t n;

	if (!f)
		return say(v, "%s: %s", path, strerror(errno));
	n = fread(line, 1, CHAIN_LINE_MAX, f);
	fclose(f);
	if (n == 0 || line[n - 1] != '\n' ||
	    !chain_read_head(line, n - 1, head) ||
	    !chain_head_signed(head, v->key)) {
		head->text = NULL;
		say(v, "%s isn't a head that this key has signed", path);
		return 0;
	}
	v->head = head->seq;
	return 0;
}

static const char *beside(const char *log, const char *suffix,
			  char out[PATH_MAX])
{
	snprintf(out, PATH_MAX, "%s%s", log, suffix);
	return out;
}

int audit_verify(const char *log, const char *key, const char *head,
		 struct audit_verdict *v)
{
	char path[PATH_MAX], line[CHAIN_LINE_MAX];
	struct chain_line h;
	FILE *f;

	memset(v, 0, sizeof(*v));
	if (sodium_init() < 0)
		return say(v, "libsodium doesn't start");
	if (!audit_key_read(key ? key : beside(log, AUDIT_PUBLIC, path), v->key,
			    v->text, sizeof(v->text)))
		return -1;
	f = fopen(log, "re");
	if (!f)
		return say(v, "%s: %s", log, strerror(errno));
	if (head_load(v, head ? head : beside(log, AUDIT_HEAD, path), line,
		      &h)) {
		fclose(f);
		return -1;
	}
	if (h.text)
		v->whole = walk(v, log, f, &h);
	if (v->whole && ferror(f)) {
		v->whole = false;
		say(v, "%s can't be read to its end", log);
		fclose(f);
		return -1;
	}
	fclose(f);
	if (v->whole)
		say(v, "%" PRIu64 " records, all of them whole and in order",
		    v->records);
	return 0;
}
