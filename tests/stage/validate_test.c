/* SPDX-License-Identifier: Apache-2.0 */
/* dataplane/flow/validate.c: each field wrong in turn, and what is said. */
#include <setjmp.h>
#include <stdarg.h>
#include <string.h>
#include <cmocka.h>
#include "tests/stage/flow_lab.h"

#define SET(name, ...)                           \
	static void name(struct sp_transport *x) \
	{                                        \
		__VA_ARGS__;                     \
	}
SET(id_0, x->id = 0)
SET(media_9, x->media_addr = 9)
SET(flag_8, x->flags = 8)
SET(rule_0, x->source = 0)
SET(rule_4, x->source = 4)
SET(dscp_64, x->dscp = 64)
SET(odd, x->rtp_port++)
SET(low, x->rtp_port = 19998)
SET(high, x->rtp_port = 30000)
SET(stun_3, x->stun = 3)
SET(dtls_9, x->dtls = 9)
SET(family_5, x->peer_rtp.family = 5)
SET(six, x->peer_rtp = lab_addr("[fd02::7]:4000"))
SET(prefix_33, x->peer_rtp.prefix = 33)
SET(behind, x->peer_rtp.addr[9] = 1)
SET(group, x->peer_rtp = lab_addr("239.1.1.1:4000"))
SET(broadcast, x->peer_rtp = lab_addr("255.255.255.255:4000"))
SET(loopback, x->peer_rtcp = lab_addr("127.0.0.1:4000"))
SET(unspecified, x->peer_rtcp = lab_addr("0.0.0.0:4000"))
SET(strict_net, x->source = SP_SOURCE_STRICT; x->peer_rtp.prefix = 24)
SET(strict_port, x->source = SP_SOURCE_STRICT; x->peer_rtcp.port = 0)
SET(suite_unknown, x->rx.suite = 0x0005)
SET(plain_id, x->tx = (struct sp_key){.id = 4})
SET(no_key_id, x->rx.id = 0)
SET(life, x->rx.packets = (1ull << 48) + 1)
SET(mki_9, x->tx.mki_len = 9)
SET(reserved, x->tx.reserved[4] = 1)
SET(reserved2, x->rx.reserved2[0] = 1)
SET(same, x->tx = x->rx; x->tx.id = 9)
#undef SET

static void test_transport_fields(void **state)
{
	static const struct {
		void (*set)(struct sp_transport *x);
		const char *text;
	} cases[] = {
		{id_0, "id: 0"},
		{media_9, "media_addr: 9, there are 4"},
		{flag_8, "flags: 0x08"},
		{rule_0, "source: 0"},
		{rule_4, "source: 4"},
		{dscp_64, "dscp: 64"},
		{odd, "rtp_port: 20001 is odd"},
		{low, "rtp_port: 19998 is outside 20000-29999"},
		{high, "rtp_port: 30000 is outside"},
		{stun_3, "stun: 3"},
		{dtls_9, "dtls: 9"},
		{family_5, "peer_rtp.family: 5"},
		{six, "peer_rtp.family: IPv6, the media address is IPv4"},
		{prefix_33, "peer_rtp.prefix: 33"},
		{behind, "peer_rtp.addr: octets behind"},
		{group, "peer_rtp.addr: not a host's"},
		{broadcast, "peer_rtp.addr: not a host's"},
		{loopback, "peer_rtcp.addr: not a host's"},
		{unspecified, "peer_rtcp.addr: not a host's"},
		{strict_net, "peer_rtp.prefix: 24 with a strict source"},
		{strict_port, "peer_rtcp.port: 0 with a strict source"},
		{suite_unknown, "rx.suite: 0x0005"},
		{plain_id, "tx.id: 4, yet plain"},
		{no_key_id, "rx.id: 0 with a suite"},
		{life, "rx.packets: more than 2^48"},
		{mki_9, "tx.mki_len: 9"},
		{reserved, "tx.reserved"},
		{reserved2, "rx.reserved"},
		{same, "tx.key: the same as rx.key"},
	};
	char text[SP_TEXT_MAX];

	(void)state;
	for (size_t i = 0; i < RTE_DIM(cases); i++) {
		struct sp_transport x = secure(1, 20000);

		cases[i].set(&x);
		refused(table_transport_add(lab.t, &x, text), SP_EINVAL, text,
			cases[i].text);
	}
	assert_int_equal(flow_lab_sessions, 0);
	assert_int_equal(lab_adjacencies, 0);
}

static void test_stream_fields(void **state)
{
	static const struct {
		struct sp_stream s;
		int status;
		const char *text;
	} cases[] = {
#define OK .match = 1, .out_pt = SP_PT_KEEP
		{{.id = 0, .from = 1, .to = 2, OK}, SP_EINVAL, "id: 0"},
		{{.id = 9, .from = 1, .to = 1, OK}, SP_EINVAL, "to: the"},
		{{.id = 9, .from = 1, .to = 2}, SP_EINVAL, "match: 0"},
		{{9, 1, 2, .match = 5}, SP_EINVAL, "match: 5"},
		{{9, 1, 2, .match = 2, .pt = 128}, SP_EINVAL, "pt: 128"},
		{{9, 1, 2, .match = 1, .out_pt = 200}, SP_EINVAL, "out_pt: 20"},
		{{9, 1, 2, OK, .blocked = 2}, SP_EINVAL, "blocked: 2"},
		{{9, 1, 2, OK, .clock = 999}, SP_EINVAL, "clock: 999"},
		{{9, 1, 2, OK, .divert = 3}, SP_EINVAL, "divert: 3"},
		{{9, 1, 2, OK, .generation = 4}, SP_EINVAL, "generation: 4"},
		{{9, 1, 2, OK, .mid_len = 17}, SP_EINVAL, "mid_len"},
		{{9, 1, 1, OK, .divert = 1}, SP_EINVAL, "to: the"},
		{{9, 5, 6, OK, .divert = 1}, SP_EMARKED, "divert: 5 bears"},
		{{9, 5, 6, OK, .divert = 2}, SP_EMARKED, "divert: 5 bears"},
		{{9, 5, 5, OK, .divert = 2}, SP_EMARKED, "divert: 5 bears"},
		{{9, 8, 2, OK}, SP_ENOENT, "from: no transport 8"},
		{{9, 1, 8, OK}, SP_ENOENT, "to: no transport 8"},
		{{9, 1, 3, OK}, SP_EOWNER, "to: worker 1's, from is worker 0"},
		{{9, 1, 4, .match = 1, .out_pt = 72}, SP_EINVAL, "out_pt: 72"},
#undef OK
	};
	struct sp_transport x;
	char text[SP_TEXT_MAX];

	(void)state;
	x = lab_transport(1, ACCESS4, 20000, "10.1.0.7:4000");
	lab_add(&x);
	x = lab_transport(2, TRUNK4, 20000, "10.2.0.7:4000");
	lab_add(&x);
	x = lab_transport(3, TRUNK4, 20002, "10.2.0.7:4000");
	lab_add(&x);
	x = lab_transport(4, TRUNK4, 20004, "10.2.0.7:4000");
	x.flags = SP_TRANSPORT_RTCP_MUX;
	lab_add(&x);
	x = lab_transport(5, ACCESS4, 20008, "10.1.0.8:4000");
	x.flags = SP_TRANSPORT_E2EE;
	lab_add(&x);
	x = lab_transport(6, TRUNK4, 20008, "10.2.0.8:4000");
	x.flags = SP_TRANSPORT_E2EE;
	lab_add(&x);
	for (size_t i = 0; i < RTE_DIM(cases); i++)
		refused(table_stream_add(lab.t, &cases[i].s, text),
			cases[i].status, text, cases[i].text);
}

int main(void)
{
#define T(f) cmocka_unit_test_setup_teardown(f, flow_lab_up, flow_lab_down)
	static const struct CMUnitTest tests[] = {
		T(test_transport_fields),
		T(test_stream_fields),
	};

	lab_start();
	return cmocka_run_group_tests_name("validate", tests, NULL, NULL);
}
