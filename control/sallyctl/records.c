/* SPDX-License-Identifier: Apache-2.0 */
/* Call detail records: listed, searched, as CSV. */
#define _GNU_SOURCE /* strptime */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include "control/sallyctl/commands.h"

struct where {
	char path[1024];
	size_t n;
};

/* "&name=value"; NULL: nothing. */
static void add(struct where *w, const char *name, const char *value)
{
	char *escaped = value ? client_escape(value) : NULL;

	if (escaped && w->n < sizeof(w->path))
		w->n += (size_t)snprintf(w->path + w->n, sizeof(w->path) - w->n,
					 "%c%s=%s",
					 strchr(w->path, '?') ? '&' : '?', name,
					 escaped);
	free(escaped);
}

/* "2026-07-31" or "2026-07-31 08:00", as this machine's clock shows it. @return
 * false, having said so: it is neither. */
static bool add_time(struct where *w, const char *name, const char *value)
{
	static const char *const forms[] = {"%Y-%m-%d", "%Y-%m-%d %H:%M",
					    "%Y-%m-%dT%H:%M"};
	char seconds[32];

	for (size_t i = 0; value && i < sizeof(forms) / sizeof(forms[0]); i++) {
		struct tm tm = {.tm_isdst = -1};
		const char *end = strptime(value, forms[i], &tm);

		if (!end || *end)
			continue;
		snprintf(seconds, sizeof(seconds), "%lld",
			 (long long)mktime(&tm));
		add(w, name, seconds);
		return true;
	}
	if (value)
		fprintf(stderr,
			"sallyctl: --%s: expected a time such as 2026-07-31 or "
			"\"2026-07-31 08:00\", found %s\n",
			name, value);
	return !value;
}

enum exit_status records_list(const struct invocation *in)
{
	bool csv = in->option[OPTION_CSV] != NULL;
	struct where w;

	w.n = (size_t)snprintf(w.path, sizeof(w.path), "/records%s",
			       csv ? ".csv" : "");
	add(&w, "max", in->option[OPTION_MAX]);
	add(&w, "text", in->option[OPTION_SEARCH]);
	add(&w, "kind", in->option[OPTION_KIND]);
	if (!add_time(&w, "from", in->option[OPTION_FROM]) ||
	    !add_time(&w, "until", in->option[OPTION_UNTIL]))
		return EXIT_USAGE;
	if (csv)
		return client_fetch(in->option[OPTION_SOCKET], w.path, stdout);
	return ask(in, "GET", w.path, NULL, show_records);
}
