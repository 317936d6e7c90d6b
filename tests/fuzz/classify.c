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

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
	struct lab_frame out;
	struct rte_mbuf *m;

	if (n < 2 || n > 1800)
		return 0;
	shortcut(data + 1, n - 1);
	m = lab_inject(data[0] & 1, 0, data + 1, n - 1);
	if (data[0] & 2)
		m->ol_flags = RTE_MBUF_F_RX_IP_CKSUM_GOOD |
			      RTE_MBUF_F_RX_L4_CKSUM_GOOD;
	lab_turn();
	for (unsigned port = 0; port < LAB_PORTS; port++) {
		if (lab_take(port, &out) && !lab_view(&out).udp_sum_full)
			abort();
		lab_take_kernel(port, &out);
	}
	if (rte_mempool_in_use_count(lab.ps.pool) != 0)
		abort();
	return 0;
}
