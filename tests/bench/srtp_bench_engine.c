/* SPDX-License-Identifier: Apache-2.0 */
/* The engine, through its contract, as a worker calls it. */
#include <stdlib.h>
#include "tests/bench/srtp_bench.h"

static struct srtp_engine *engine;
static struct srtp_session **session;
static struct huge memory;
static unsigned streams;
static struct srtp_pkt pkt[CHUNK];

static void *take(void *ctx, size_t size, size_t align)
{
	return huge_take(ctx, size, align);
}

static void leave(void *ctx, void *p, size_t size)
{
	(void)ctx, (void)p, (void)size;
}

static const struct srtp_mem mem = {take, leave, &memory};

bool engine_open_isa(const char *isa)
{
	engine = srtp_ipsec_mb.engine_new(isa);
	return engine;
}

static void engine_close(struct peer *p)
{
	(void)p;
	for (unsigned i = 0; i < streams; i++)
		srtp_ipsec_mb.session_free(session[i]);
	free(session);
	huge_close(&memory);
}

static const char *engine_open(struct peer *p, const struct cell *c,
			       double limit)
{
	const enum srtp_dir dir = c->protect ? SRTP_TX : SRTP_RX;

	(void)limit;
	streams = 0;
	session = calloc(c->streams, sizeof(*session));
	if (!session || !huge_open(&memory, c->streams * (size_t)2048)) {
		engine_close(p);
		return "no memory";
	}
	for (uint32_t i = 0; i < c->streams; i++) {
		const struct srtp_master m = master_of(c, i);

		session[i] =
			srtp_ipsec_mb.session_new(engine, &m, dir, 128, &mem);
		streams += session[i] != NULL;
	}
	if (streams == c->streams)
		return NULL;
	engine_close(p);
	return "no memory";
}

static void engine_stage(struct peer *p, const struct load *l, unsigned first,
			 uint8_t *const buf[])
{
	(void)p;
	for (unsigned i = 0; i < CHUNK; i++)
		pkt[i] = (struct srtp_pkt){.s = session[l->stream[first + i]],
					   .data = buf[i],
					   .len = l->len,
					   .room = STRIDE - FRAME_HEAD};
}

static unsigned engine_run(struct peer *p, const struct load *l, unsigned at,
			   unsigned n)
{
	(void)p;
	return l->cell->protect ? srtp_ipsec_mb.protect(engine, &pkt[at], n)
				: srtp_ipsec_mb.unprotect(engine, &pkt[at], n);
}

struct peer peer_engine = {
	.what = "engine",
	.checked = true,
	.open = engine_open,
	.stage = engine_stage,
	.run = engine_run,
	.close = engine_close,
};
