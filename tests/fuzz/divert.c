/* SPDX-License-Identifier: Apache-2.0 */
/* Whatever sallyport-media writes into its rings, through a worker's walk. The
 * input is a run of slots (a header of 32 octets, two of how much follows, that),
 * and after each of them an octet that says by how much the index moves on. What
 * leaves is what a stream may send, and every buffer comes back. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>
#include "dataplane/stage/divert.h"
#include "tests/stage/lab.h"

int LLVMFuzzerInitialize(int *argc, char ***argv);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n);

enum { SLOTS = 64, GENERATION = 7 };

static void *memory;
static struct divert hold;

int LLVMFuzzerInitialize(int *argc, char ***argv)
{
	struct sp_transport a =
		lab_transport(1, ACCESS4, 20000, "10.1.0.7:4000");
	struct sp_transport b =
		lab_transport(2, TRUNK4, 20000, "10.2.0.7:6000");
	struct sp_stream s = lab_stream(1, 1, 2), loop = lab_stream(2, 2, 2);

	(void)argc;
	(void)argv;
	lab_start();
	lab_up(&(struct lab_options){0});
	b.tx = lab_key(52, SP_SUITE_AES_CM_128_HMAC_SHA1_80);
	s.divert = loop.divert = SP_DIVERT_TAKE;
	s.generation = loop.generation = GENERATION;
	lab_add(&a);
	lab_add(&b);
	lab_add_stream(&s);
	lab_add_stream(&loop);
	memory = aligned_alloc(DIVERT_PAGE, divert_size(1, SLOTS));
	if (!memory || atexit(lab_down) != 0)
		abort();
	return 0;
}

/* Fresh memory, as each connection has. */
static struct divert_ring *join(void)
{
	memset(memory, 0, divert_size(1, SLOTS));
	hold = (struct divert){
		.out = divert_end(memory, SLOTS, 0, DIVERT_OUT),
		.back = divert_end(memory, SLOTS, 0, DIVERT_BACK),
		.ns = 1,
	};
	lab.w[0].media = &hold;
	return hold.back.ring;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
	const size_t head = sizeof(struct divert_item);
	struct divert_ring *r = join();
	struct lab_frame f;

	while (n > head + 3) {
		struct divert_slot *s = &r->slot[r->put & (SLOTS - 1)];
		size_t len = (size_t)data[head] << 8 | data[head + 1];

		memcpy(s->item, data, head);
		data += head + 2;
		n -= head + 2;
		if (len > n - 1)
			len = n - 1;
		if (len > sizeof(s->data))
			len = sizeof(s->data);
		memcpy(s->data, data, len);
		r->put += (int8_t)data[len];
		data += len + 1;
		n -= len + 1;
		for (unsigned turns = 0; turns < 8; turns++)
			worker_turn(&lab.w[0]);
		while (lab_take(TRUNK, &f))
			if (lab_view(&f).n < 8)
				abort();
		if (lab_take(ACCESS, &f))
			abort(); /* nothing leads there */
	}
	lab.w[0].media = NULL;
	return 0;
}
