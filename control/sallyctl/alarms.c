/* SPDX-License-Identifier: Apache-2.0 */
/* What needs somebody's attention. */
#include <stdio.h>
#include <time.h>
#include "control/sallyctl/commands.h"
#include "control/sallyctl/grid.h"

static void show_alarms(const json_t *j, const struct invocation *in)
{
	static const struct column columns[] = {
		{"SINCE", 0}, {"SEVERITY", 0}, {"ALARM", 0}, {"WHAT", 0}};
	struct grid *g = grid_new(columns, 4);
	json_t *a;
	size_t i;

	(void)in;
	json_array_foreach ((json_t *)j, i, a) {
		time_t since =
			(time_t)json_integer_value(json_object_get(a, "since"));
		char at[32] = "";
		struct tm tm;

		if (localtime_r(&since, &tm))
			strftime(at, sizeof(at), "%F %T", &tm);
		grid_text(g, at);
		grid_text(g, show_text(a, "severity"));
		grid_text(g, show_text(a, "name"));
		grid_text(g, show_text(a, "message"));
	}
	grid_print(g, "Nothing needs attention.");
}

enum exit_status alarms_list(const struct invocation *in)
{
	return ask(in, "GET", "/alarms", NULL, show_alarms);
}
