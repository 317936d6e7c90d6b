/* SPDX-License-Identifier: Apache-2.0 */
/* The tests' own dataplane as a program: prints the path of its socket, and
 * lives until its standard input ends. A line "restart", "away" or "back" there
 * does what fake_dp.h says. */
#include <stdio.h>
#include <string.h>
#include "tests/media/fake_dp.h"

int main(void)
{
	struct fake_dp *f = fake_start(NULL);
	char line[64];

	printf("%s\n", fake_path(f));
	fflush(stdout);
	while (fgets(line, sizeof(line), stdin)) {
		if (strcmp(line, "restart\n") == 0)
			fake_restart(f);
		else if (strcmp(line, "away\n") == 0)
			fake_away(f, true);
		else if (strcmp(line, "back\n") == 0)
			fake_away(f, false);
		printf("done\n");
		fflush(stdout);
	}
	fake_stop(f);
	return 0;
}
