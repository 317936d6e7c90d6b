/* SPDX-License-Identifier: Apache-2.0 */
/* abi/divert.h by itself: a ring between two threads, and one whose other side
 * writes whatever it likes, all the time. */
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>
#include "dataplane/abi/divert.h"

enum { SLOTS = 64, PACKETS = 200000, SCRIBBLES = 200000 };

static void *memory(void)
{
	size_t n = divert_size(2, SLOTS);
	void *p = aligned_alloc(DIVERT_PAGE, n);

	assert_non_null(p);
	return memset(p, 0, n);
}

static void test_layout(void **state)
{
	struct divert_greeting g = {.magic = DIVERT_MAGIC,
				    .version = DIVERT_VERSION,
				    .workers = 2,
				    .slots = SLOTS,
				    .slot = DIVERT_SLOT,
				    .size = divert_size(2, SLOTS)};
	struct divert_greeting bad[8];
	uint8_t *base = memory();

	(void)state;
	assert_true(divert_valid(&g));
	for (unsigned i = 0; i < 8; i++)
		bad[i] = g;
	bad[0].magic++;
	bad[1].version++;
	bad[2].workers = 0;
	bad[3].workers = DIVERT_WORKERS + 1;
	bad[4].slots = 65;
	bad[5].slots = 2 * DIVERT_SLOTS_MAX;
	bad[6].slot--;
	bad[7].size--;
	for (unsigned i = 0; i < 8; i++)
		assert_false(divert_valid(&bad[i]));
	/* Four rings, none in another, the last within the memory. */
	for (unsigned i = 0; i < 4; i++) {
		struct divert_end e = divert_end(base, SLOTS, i / 2, i % 2);
		size_t at = (size_t)((uint8_t *)e.ring - base);

		assert_int_equal(at, DIVERT_PAGE + i * divert_stride(SLOTS));
		assert_true((size_t)((uint8_t *)&e.ring->slot[SLOTS] - base) <=
			    DIVERT_PAGE + (i + 1) * divert_stride(SLOTS));
		assert_true(at + divert_stride(SLOTS) <= g.size);
	}
	free(base);
}

/* Around the ring and around 2^32. */
static void test_wrap(void **state)
{
	void *base = memory();
	struct divert_end in = divert_end(base, SLOTS, 1, DIVERT_BACK);
	struct divert_end from = in;
	struct divert_item item = {.kind = DIVERT_RTP, .len = 4}, got;
	uint8_t data[DIVERT_DATA];

	(void)state;
	in.mine = in.theirs = from.mine = from.theirs = UINT32_MAX - 100;
	in.ring->put = in.ring->got = UINT32_MAX - 100;
	for (uint32_t i = 0; i < 300; i += SLOTS) {
		for (uint32_t k = 0; k < SLOTS; k++) {
			item.stream = i + k;
			assert_true(divert_put(&in, &item, "abcd"));
		}
		assert_false(divert_put(&in, &item, "abcd"));
		for (uint32_t k = 0; k < SLOTS; k++) {
			assert_int_equal(divert_get(&from, &got, data, 4),
					 DIVERT_GOT);
			assert_int_equal(got.stream, i + k);
		}
		assert_int_equal(divert_get(&from, &got, data, 4), DIVERT_NONE);
	}
	item.len = 5;
	assert_true(divert_put(&in, &item, "abcde"));
	assert_int_equal(divert_get(&from, &got, data, 4), DIVERT_BAD);
	assert_int_equal(divert_get(&from, &got, data, 4), DIVERT_NONE);
	free(base);
}

static void *produce(void *arg)
{
	struct divert_end *e = arg;
	uint8_t data[DIVERT_DATA];

	for (uint64_t i = 0; i < PACKETS;) {
		struct divert_item item = {.stream = i,
					   .kind = DIVERT_RTP,
					   .len = (uint16_t)(i % 300)};

		memset(data, (int)(i & 0xff), item.len);
		if (divert_put(e, &item, data))
			i++;
		else
			sched_yield();
	}
	return NULL;
}

static void test_two_threads(void **state)
{
	void *base = memory();
	struct divert_end in = divert_end(base, SLOTS, 0, DIVERT_OUT);
	struct divert_end from = in;
	uint8_t data[DIVERT_DATA];
	struct divert_item item;
	pthread_t thread;

	(void)state;
	assert_int_equal(pthread_create(&thread, NULL, produce, &in), 0);
	for (uint64_t i = 0; i < PACKETS;) {
		if (divert_get(&from, &item, data, sizeof(data)) ==
		    DIVERT_NONE) {
			sched_yield();
			continue;
		}
		assert_int_equal(item.stream, i);
		assert_int_equal(item.len, i % 300);
		for (unsigned k = 0; k < item.len; k++)
			if (data[k] != (i & 0xff))
				fail_msg("packet %u differs", (unsigned)i);
		i++;
	}
	pthread_join(thread, NULL);
	free(base);
}

struct scribbler {
	uint8_t *base;
	bool stop;
};

/* Everything that a hostile side can reach, over and over. */
static void *scribble(void *arg)
{
	struct scribbler *s = arg;
	unsigned seed = 4711;

	while (!__atomic_load_n(&s->stop, __ATOMIC_RELAXED)) {
		struct divert_ring *r =
			divert_end(s->base, SLOTS, 0, rand_r(&seed) % 2).ring;
		struct divert_slot *slot =
			&r->slot[(unsigned)rand_r(&seed) % SLOTS];
		uint32_t v = (uint32_t)rand_r(&seed);

		if (v % 3)
			v = r->put + v % (2 * SLOTS);
		__atomic_store_n(v & 1 ? &r->put : &r->got, v,
				 __ATOMIC_RELAXED);
		for (unsigned i = 0; i < 4; i++)
			__atomic_store_n(&slot->item[i],
					 (uint64_t)rand_r(&seed) << 33 |
						 (uint64_t)rand_r(&seed),
					 __ATOMIC_RELAXED);
	}
	return NULL;
}

/* What comes out is within bounds, and both ends' own memory stays whole. */
static void test_hostile_side(void **state)
{
	struct scribbler s = {.base = memory()};
	struct divert_end in = divert_end(s.base, SLOTS, 0, DIVERT_OUT);
	struct divert_end from = divert_end(s.base, SLOTS, 0, DIVERT_BACK);
	const struct divert_item item = {.kind = DIVERT_RTCP, .len = 8};
	const size_t room = 100;
	unsigned got[4] = {0};
	pthread_t thread;

	(void)state;
	assert_int_equal(pthread_create(&thread, NULL, scribble, &s), 0);
	/* until it has met everything, however the threads take turns */
	for (unsigned i = 0; i < 100 * SCRIBBLES; i++) {
		struct divert_item out;
		uint8_t *data = malloc(room); /* for the sanitizers */
		enum divert_got r = divert_get(&from, &out, data, room);

		got[r + 2]++;
		if (r == DIVERT_GOT)
			assert_true(out.len <= room &&
				    (out.kind == DIVERT_RTP ||
				     out.kind == DIVERT_RTCP));
		if (r == DIVERT_BROKEN) /* sent away, and back */
			from.mine = from.theirs;
		divert_put(&in, &item, "12345678");
		free(data);
		if (r == DIVERT_NONE)
			sched_yield();
		if (i > SCRIBBLES && got[DIVERT_BAD + 2] &&
		    got[DIVERT_BROKEN + 2])
			break;
	}
	__atomic_store_n(&s.stop, true, __ATOMIC_RELAXED);
	pthread_join(thread, NULL);
	assert_true(got[DIVERT_BAD + 2] > 0 && got[DIVERT_BROKEN + 2] > 0);
	free(s.base);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_layout),
		cmocka_unit_test(test_wrap),
		cmocka_unit_test(test_two_threads),
		cmocka_unit_test(test_hostile_side),
	};

	return cmocka_run_group_tests_name("divert_ring", tests, NULL, NULL);
}
