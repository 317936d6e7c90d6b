/* SPDX-License-Identifier: Apache-2.0 */
#include "control/audit/files.h"
#include <dirent.h>
#include <errno.h>
#include <inttypes.h>
#include <libgen.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define DIGITS 12

void audit_file_name(const char *log, uint64_t last, char out[PATH_MAX])
{
	snprintf(out, PATH_MAX, "%s.%0*" PRIu64, log, DIGITS, last);
}

/* Is it NAME.DIGITS? */
static bool number_of(const char *name, const char *log, uint64_t *last)
{
	size_t n = strlen(log), k;

	if (strncmp(name, log, n) != 0 || name[n] != '.')
		return false;
	k = strspn(name + n + 1, "0123456789");
	if (k < DIGITS || k > 19 || name[n + 1 + k])
		return false;
	*last = strtoull(name + n + 1, NULL, 10);
	return true;
}

static int by_number(const void *a, const void *b)
{
	const struct audit_file *x = a, *y = b;

	return (x->last > y->last) - (x->last < y->last);
}

int audit_files(const char *log, struct audit_file **out)
{
	char folder[PATH_MAX], name[PATH_MAX];
	const struct dirent *d;
	const char *base;
	uint64_t last;
	int n = 0;
	DIR *dir;

	*out = NULL;
	snprintf(folder, sizeof(folder), "%s", log);
	snprintf(name, sizeof(name), "%s", log);
	base = basename(name);
	dir = opendir(dirname(folder));
	if (!dir)
		return -1;
	while ((d = readdir(dir))) {
		struct audit_file *grown;

		if (!number_of(d->d_name, base, &last))
			continue;
		grown = realloc(*out, (size_t)(n + 1) * sizeof(*grown));
		if (!grown) {
			free(*out);
			*out = NULL;
			closedir(dir);
			errno = ENOMEM;
			return -1;
		}
		*out = grown;
		grown[n].last = last;
		audit_file_name(log, last, grown[n++].path);
	}
	closedir(dir);
	if (n)
		qsort(*out, (size_t)n, sizeof(**out), by_number);
	return n;
}
