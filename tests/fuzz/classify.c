/* SPDX-License-Identifier: Apache-2.0 */
/* Frames through the whole walk, with flows of both families, masks, RTCP on a
 * shared port and STUN that is relayed. The first octet of the input says by
 * which port it comes and whether the device vouches for its checksums (which a
 * fuzzer can't guess). What leaves must be sound, and nothing may leak. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>
#include "dataplane/stage/parse.h"
#include "tests/stage/lab.h"

int LLVMFuzzerInitialize(int *argc, char ***argv);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n);

/* The flows stay up until the end; DPDK's memory, which holds them, is not
 * searched by LeakSanitizer. */
static void end(void)
{
	lab_down();
}

int LLVMFuzzerInitialize(int *argc, char ***argv)
{
	struct sp_transport a = lab_transport(1, ACCESS4, 20000, "10.1.0.7:4");
	struct sp_transport b = lab_transport(2, TRUNK6, 20000, "[fd02::7]:6");
	struct sp_stream s = lab_stream(1, 1, 2);
	char text[SP_TEXT_MAX];

	(void)argc;
	(void)argv;
	lab_start();
	lab_up(&(struct lab_options){0});
	a.peer_rtp.prefix = b.peer_rtp.prefix = 0; /* from anywhere */
	a.peer_rtcp.prefix = b.peer_rtcp.prefix = 0;
	b.flags = SP_TRANSPORT_RTCP_MUX;
	b.stun = a.stun = SP_PUNT_RELAY;
	lab_pair(&a, &b);
	s.ssrc_xor = 0x5a5a5a5a;
	s.out_pt = 96;
	table_stream_change(lab.t, &s, text);
	a = lab_transport(3, ACCESS4, 20002, "10.1.0.7:4");
	b = lab_transport(4, TRUNK4, 20002, "10.2.0.7:6");
	a.peer_rtp.prefix = b.peer_rtp.prefix = 0;
	a.flags = SP_TRANSPORT_RTCP_MUX;
	lab_add(&a);
	lab_add(&b);
	s = lab_stream(3, 3, 4);
	lab_add_stream(&s);
	s = lab_stream(4, 4, 3);
	s.ssrc_xor = 0xa5a5a5a5;
	lab_add_stream(&s);
	return atexit(end);
}

/* What is parsed at once must be what the parser would have found. */
static void shortcut(const uint8_t *p, size_t n)
{
	static const uint8_t any[6];
	struct frame f = {0}, g = {0};

	if (n >= 6 && frame_usual(p, n, usual_head(n % 2 ? p : any), &f) &&
	    (frame_parse(p, n, &g) != FRAME_UDP ||
	     memcmp(&f, &g, sizeof(f)) != 0))
		abort();
}

/* What became of a frame. */
struct outcome {
	uint64_t count[VERDICT_COUNT];
	struct lab_frame out[LAB_PORTS], kernel[LAB_PORTS];
};

static void walk(struct outcome *o, uint8_t head, const uint8_t *p, size_t n)
{
	struct rte_mbuf *m = lab_inject(head & 1, 0, p, n);

	memset(o, 0, sizeof(*o));
	if (head & 2)
		m->ol_flags = RTE_MBUF_F_RX_IP_CKSUM_GOOD |
			      RTE_MBUF_F_RX_L4_CKSUM_GOOD;
	for (unsigned i = 0; i < VERDICT_COUNT; i++)
		o->count[i] = -lab_count(i);
	lab_turn();
	for (unsigned i = 0; i < VERDICT_COUNT; i++)
		o->count[i] += lab_count(i);
	for (unsigned port = 0; port < LAB_PORTS; port++) {
		if (lab_take(port, &o->out[port]) &&
		    !lab_view(&o->out[port]).udp_sum_full)
			abort();
		lab_take_kernel(port, &o->kernel[port]);
	}
	if (rte_mempool_in_use_count(lab.ps.pool) != 0)
		abort();
}

/* A usual frame is no longer one with an octet of padding, and after a change no
 * adjacency is known: that must make no difference. */
static void compare(uint8_t head, const uint8_t *p, size_t n)
{
	const uint8_t *mac = lab.ps.port[head & 1].mac.addr_bytes;
	static struct outcome slow, fast;
	static uint8_t padded[2048];
	struct frame f;
	bool usual = frame_usual(p, n, usual_head(mac), &f);

	memcpy(padded, p, n);
	padded[n] = 0;
	adjacency_changed();
	walk(&slow, head, padded, n + usual);
	for (unsigned port = 0; port < LAB_PORTS; port++)
		if (slow.kernel[port].len)
			slow.kernel[port].len -= usual;
	walk(&fast, head, p, n);
	if (memcmp(&slow, &fast, sizeof(slow)) != 0)
		abort();
}

static void put16(uint8_t *p, size_t v)
{
	p[0] = (uint8_t)(v >> 8);
	p[1] = (uint8_t)v;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
	static struct outcome first;
	static uint8_t p[2048];
	uint8_t head;

	if (n < 2 || n > 1800)
		return 0;
	head = *data++;
	memcpy(p, data, --n);
	if ((head & 4) && n >= USUAL_MIN) {
		put16(p + USUAL_IP + 2, n - USUAL_IP);
		put16(p + USUAL_UDP + 4, n - USUAL_UDP);
	}
	shortcut(p, n);
	walk(&first, head, p, n); /* a source may be learned */
	compare(head, p, n);
	return 0;
}
