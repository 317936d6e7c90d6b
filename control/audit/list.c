/* SPDX-License-Identifier: Apache-2.0 */
/* control/audit/list.c - the latest records, read from the end of the file. */
#define _GNU_SOURCE /* strcasestr */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include "control/audit/files.h"
#include "control/audit/impl.h"

#define BLOCK 65536 /* octets read at once; more than a line */

static bool fits(const struct chain_line *l, const struct audit_query *q)
{
	char text[CHAIN_RECORD_MAX + 1];

	if (q->before && l->seq >= q->before)
		return false;
	if (!q->text || !*q->text)
		return true;
	snprintf(text, sizeof(text), "%.*s", (int)l->len, l->text);
	return strcasestr(text, q->text) != NULL;
}

/* The lines of p[0..n), the last first. @return how many octets in front are
 * left, a line that may begin further back. */
static size_t lines_take(const char *p, size_t n, bool from_start, json_t *list,
			 const struct audit_query *q)
{
	struct chain_line l;

	while (n && json_array_size(list) < q->max) {
		size_t end = n - (p[n - 1] == '\n'), start = end;

		while (start > 0 && p[start - 1] != '\n')
			start--;
		if (start == 0 && !from_start)
			return n;
		if (chain_read(p + start, end - start, &l) && fits(&l, q))
			json_array_append_new(list, json_loadb(l.text, l.len, 0,
							       NULL));
		n = start;
	}
	return n;
}

/* The latest of one file, behind those that are in the list. */
static void file_take(const char *path, char *p, json_t *list,
		      const struct audit_query *q)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	off_t end = fd >= 0 ? lseek(fd, 0, SEEK_END) : 0;

	while (end > 0 && json_array_size(list) < q->max) {
		size_t n = end < BLOCK ? (size_t)end : BLOCK, left;

		if (pread(fd, p, n, end - (off_t)n) != (ssize_t)n)
			break;
		left = lines_take(p, n, end == (off_t)n, list, q);
		if (left == n) /* no line is that long: not ours */
			break;
		end -= (off_t)(n - left);
	}
	if (fd >= 0)
		close(fd);
}

/* By what is written: somebody who asks while the disk fails isn't made to
 * wait for it. */
json_t *audit_list(struct audit *a, const struct audit_query *q)
{
	struct audit_file *before = NULL;
	json_t *list = json_array();
	char *p = malloc(BLOCK);
	int n = 0;

	if (list && p) {
		file_take(a->path, p, list, q);
		if (json_array_size(list) < q->max)
			n = audit_files(a->path, &before);
		while (n-- > 0 && json_array_size(list) < q->max)
			file_take(before[n].path, p, list, q);
	}
	free(before);
	free(p);
	return list;
}

json_t *audit_describe(struct audit *a)
{
	char path[PATH_MAX], line[CHAIN_LINE_MAX + 1];
	char hex[2 * CHAIN_PUBLIC + 1];
	ssize_t n = 0;
	int fd;

	audit_path(a, AUDIT_HEAD, path);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd >= 0) {
		n = read(fd, line, CHAIN_LINE_MAX);
		close(fd);
	}
	line[n > 0 ? n : 0] = '\0';
	sodium_bin2hex(hex, sizeof(hex), a->public_key, CHAIN_PUBLIC);
	return json_pack("{s:s, s:s, s:s}", "log", a->path, "key", hex, "head",
			 line);
}
