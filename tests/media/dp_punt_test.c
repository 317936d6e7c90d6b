/* SPDX-License-Identifier: Apache-2.0 */
/* STUN and DTLS of media ports, between a dataplane of the tests' own and its
 * client: in order, at any time, only as much as there is room for. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <cmocka.h>
#include "control/dataplane/dp.h"
#include "tests/media/fake_dp.h"
#include "tests/media/loop.h"

struct rig {
	struct fake_dp *fake;
	struct dp *dp;
	unsigned ups, heard;
	struct sp_datagram last;
};

static void on_up(bool fresh, void *arg)
{
	(void)fresh;
	((struct rig *)arg)->ups++;
}

static void on_datagram(const struct sp_datagram *d, void *arg)
{
	struct rig *r = arg;

	assert_int_equal(d->id, 7);
	if (r->heard)
		assert_int_equal(d->addr.port, r->last.addr.port + 1);
	r->last = *d;
	r->heard++;
}

static bool is_up(void *arg)
{
	return ((struct rig *)arg)->ups > 0;
}

static bool has_three(void *arg)
{
	return ((struct rig *)arg)->heard >= 3;
}

static int set_up(void **state)
{
	static struct rig r;

	memset(&r, 0, sizeof(r));
	r.fake = fake_start(NULL);
	assert_int_equal(dp_alloc(&r.dp, fake_path(r.fake), NULL, on_up, &r),
			 0);
	dp_ready(r.dp);
	*state = &r;
	return !loop_until(is_up, &r, 1000);
}

static int tear_down(void **state)
{
	struct rig *r = *state;

	dp_free(r->dp);
	fake_stop(r->fake);
	return 0;
}

static struct sp_datagram datagram(uint16_t port)
{
	struct sp_datagram d = {
		.id = 7,
		.addr = {.family = 4, .prefix = 32, .port = port},
		.rtcp = 1,
		.len = 5,
	};

	memcpy(d.data, "hello", 5);
	return d;
}

static void heard(void **state)
{
	struct rig *r = *state;

	dp_punt_handler(r->dp, on_datagram, r);
	for (uint16_t i = 0; i < 3; i++) {
		struct sp_datagram d = datagram((uint16_t)(4000 + i));

		fake_punt(r->fake, &d);
	}
	assert_true(loop_until(has_three, r, 1000));
	assert_int_equal(r->heard, 3);
	assert_int_equal(r->last.rtcp, 1);
	assert_int_equal(r->last.len, 5);
	assert_memory_equal(r->last.data, "hello", 5);
}

/* They may come while a reply is waited for. */
static void heard_within_a_request(void **state)
{
	struct rig *r = *state;
	struct sp_stats st;

	dp_punt_handler(r->dp, on_datagram, r);
	for (uint16_t i = 0; i < 3; i++) {
		struct sp_datagram d = datagram((uint16_t)(4000 + i));

		fake_punt(r->fake, &d);
	}
	assert_int_equal(dp_stats(r->dp, 99, &st), SP_ENOENT);
	assert_int_equal(r->heard, 0); /* from the event loop only */
	assert_true(loop_until(has_three, r, 1000));
	assert_true(dp_connected(r->dp));
}

static void nobody_listens(void **state)
{
	struct rig *r = *state;
	struct sp_datagram d = datagram(4000);
	struct sp_stats st;

	fake_punt(r->fake, &d);
	assert_int_equal(dp_stats(r->dp, 99, &st), SP_ENOENT);
	dp_punt_handler(r->dp, on_datagram, r);
	loop_for(50);
	assert_int_equal(r->heard, 0);
	assert_true(dp_connected(r->dp));
}

/* More than wait: the rest is lost, the connection isn't. */
static void flooded(void **state)
{
	struct rig *r = *state;
	struct sp_stats st;

	dp_punt_handler(r->dp, on_datagram, r);
	for (uint16_t i = 0; i < 1000; i++) {
		struct sp_datagram d = datagram((uint16_t)(4000 + i));

		fake_punt(r->fake, &d);
		if (i % 10 == 0)
			dp_stats(r->dp, 99, &st);
	}
	assert_int_equal(dp_stats(r->dp, 99, &st), SP_ENOENT);
	loop_for(50);
	assert_int_equal(r->heard, 256);
	assert_true(dp_connected(r->dp));
}

static void longer_than_it_can_be(void **state)
{
	struct rig *r = *state;
	struct sp_datagram d = datagram(4000);

	d.len = SP_DATAGRAM_MAX + 1;
	dp_punt_handler(r->dp, on_datagram, r);
	fake_punt(r->fake, &d);
	loop_for(50);
	assert_int_equal(r->heard, 0);
	assert_false(dp_connected(r->dp)); /* no message of the abi */
}

static void sent(void **state)
{
	struct rig *r = *state;
	struct sp_addr to = {.family = 4, .prefix = 32, .port = 4000};
	static const uint8_t octets[SP_DATAGRAM_MAX + 1] = {22, 254};
	struct sp_datagram d;

	assert_int_equal(dp_inject(r->dp, 7, true, &to, octets, 100), SP_OK);
	d = fake_injected(r->fake);
	assert_int_equal(d.id, 7);
	assert_int_equal(d.rtcp, 1);
	assert_int_equal(d.len, 100);
	assert_int_equal(d.addr.port, 4000);
	assert_memory_equal(d.data, octets, SP_DATAGRAM_MAX);
	assert_int_equal(dp_inject(r->dp, 7, false, &to, octets,
				   SP_DATAGRAM_MAX),
			 SP_OK);
	assert_int_equal(fake_count(r->fake, SP_INJECT), 2);
	assert_int_equal(dp_inject(r->dp, 7, false, &to, octets,
				   SP_DATAGRAM_MAX + 1),
			 SP_EINVAL);
	assert_int_equal(dp_inject(r->dp, 7, false, &to, octets, 0), SP_EINVAL);
	assert_int_equal(fake_count(r->fake, SP_INJECT), 0);
	fake_refuse(r->fake, SP_INJECT, SP_ENOENT);
	assert_int_equal(dp_inject(r->dp, 8, false, &to, octets, 1), SP_ENOENT);
}

#define T(f) cmocka_unit_test_setup_teardown(f, set_up, tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
		T(heard),   T(heard_within_a_request), T(nobody_listens),
		T(flooded), T(longer_than_it_can_be),  T(sent),
	};
	int failed;

	loop_init();
	failed = cmocka_run_group_tests_name("dp_punt", tests, NULL, NULL);
	loop_close();
	return failed;
}
