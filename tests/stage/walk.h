/* SPDX-License-Identifier: Apache-2.0 */
/* tests/stage/walk.h - short words for tests that send packets through a lab:
 * a phone on the access side, a far one on the trunk, port 20000 for both. */
#pragma once
#include <setjmp.h>
#include <stdarg.h>
#include <string.h>
#include <cmocka.h>
#include "tests/stage/lab.h"

#define PHONE	   "10.1.0.7:4000"
#define FAR	   "10.2.0.7:6000"
#define OURS	   "10.1.0.1:20000"
#define TRUNK_OURS "10.2.0.1:20000"

/* What left last; lab_view() points into it. */
static struct lab_frame out;

static inline void pair(void)
{
	struct sp_transport a = lab_transport(1, ACCESS4, 20000, PHONE);
	struct sp_transport b = lab_transport(2, TRUNK4, 20000, FAR);

	lab_pair(&a, &b);
}

static inline void say(unsigned port, const char *src, const char *dst,
		       const void *p, size_t n)
{
	struct lab_frame f = lab_udp(port, src, dst, p, n);

	lab_inject(port, 0, f.octet, f.len);
}

static inline void rtp(unsigned port, const char *src, const char *dst,
		       uint32_t ssrc, uint16_t seq, uint8_t pt)
{
	uint8_t p[256];

	say(port, src, dst, p, lab_rtp(p, ssrc, seq, pt, 160));
}

static inline struct lab_view left(unsigned port)
{
	lab_turn();
	if (!lab_take(port, &out))
		fail_msg("nothing left by port %u", port);
	return lab_view(&out);
}

static inline void stopped(enum verdict v)
{
	uint64_t before = lab_count(v);

	lab_turn();
	if (lab_count(v) != before + 1)
		fail_msg("no %s", verdict_info[v].name);
	assert_false(lab_take(TRUNK, &out));
	assert_false(lab_take(ACCESS, &out));
}

static inline void change(const struct sp_transport *x)
{
	char text[SP_TEXT_MAX] = "";

	if (table_transport_change(lab.t, x, text) != SP_OK)
		fail_msg("%s", text);
}

static inline void change_stream(const struct sp_stream *x)
{
	char text[SP_TEXT_MAX] = "";

	if (table_stream_change(lab.t, x, text) != SP_OK)
		fail_msg("%s", text);
}

static inline struct sp_stats stats(uint64_t stream)
{
	struct sp_stats s;

	assert_int_equal(table_stats(lab.t, stream, &s), SP_OK);
	return s;
}
