/* SPDX-License-Identifier: Apache-2.0 */
/* The lab for test_scapy.py: reads frames from standard input, a line each,
 * "PORT HEX", and prints what became of each: "PORT HEX" of what left, or the
 * verdict's name.
 *
 * Plain legs, both families: media ports 20000 of 10.1.0.1 and fd01::1 lead to
 * 10.2.0.7:6000 and [fd02::7]:6000 from the trunk's port 20000; 20004 the other
 * way round, to fd02 and 10.2. What is sent has DSCP 46. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <cmocka.h>
#include "tests/stage/lab.h"

static void leg(uint64_t id, unsigned from, uint16_t port, const char *phone,
		unsigned to, const char *far)
{
	struct sp_transport a = lab_transport(id, from, port, phone);
	struct sp_transport b = lab_transport(id + 1, to, port, far);
	struct sp_stream s = lab_stream(id, id, id + 1);

	b.dscp = 46;
	lab_add(&a);
	lab_add(&b);
	lab_add_stream(&s);
}

static size_t octets(const char *hex, uint8_t *out, size_t room)
{
	size_t n = 0;
	unsigned v;

	while (n < room && sscanf(hex + 2 * n, "%2x", &v) == 1)
		out[n++] = (uint8_t)v;
	return n;
}

static void answer(void)
{
	struct lab_frame f;

	for (unsigned port = 0; port < LAB_PORTS; port++)
		if (lab_take(port, &f)) {
			printf("%u ", port);
			for (unsigned i = 0; i < f.len; i++)
				printf("%02x", f.octet[i]);
			printf("\n");
			return;
		}
	for (unsigned v = 1; v < VERDICT_COUNT; v++)
		if (lab_count(v)) {
			printf("%s\n", verdict_info[v].name);
			return;
		}
	printf("nothing\n");
}

int main(void)
{
	static char line[8192];
	uint8_t frame[2000];
	char hex[sizeof(line)];
	unsigned port;

	lab_start();
	lab_up(&(struct lab_options){0});
	leg(1, ACCESS4, 20000, "10.1.0.7:4000", TRUNK4, "10.2.0.7:6000");
	leg(3, ACCESS6, 20000, "[fd01::7]:4000", TRUNK6, "[fd02::7]:6000");
	leg(5, ACCESS4, 20004, "10.1.0.7:4000", TRUNK6, "[fd02::7]:6000");
	leg(7, ACCESS6, 20004, "[fd01::7]:4000", TRUNK4, "10.2.0.7:6000");
	while (fgets(line, sizeof(line), stdin)) {
		if (sscanf(line, "%u %8191s", &port, hex) != 2 ||
		    port >= LAB_PORTS)
			return 1;
		memset(lab.w[0].count, 0, sizeof(lab.w[0].count));
		lab_inject(port, 0, frame, octets(hex, frame, sizeof(frame)));
		lab_turn();
		answer();
		lab_clear();
	}
	lab_down();
	return 0;
}
