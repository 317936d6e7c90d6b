/* SPDX-License-Identifier: Apache-2.0 */
/* See flow_lab.h. */
#include "tests/stage/flow_lab.h"
#include <setjmp.h>
#include <stdarg.h>
#include <string.h>
#include <cmocka.h>

int flow_lab_sessions;
static int engine;

static struct srtp_engine *fake_engine(const char *isa)
{
	(void)isa;
	return (struct srtp_engine *)&engine;
}

static void fake_engine_free(struct srtp_engine *e)
{
	(void)e;
}

static struct srtp_session *fake_session(struct srtp_engine *e,
					 const struct srtp_master *m,
					 enum srtp_dir dir, unsigned window,
					 const struct srtp_mem *mem)
{
	struct srtp_session *s = mem->alloc(mem->ctx, sizeof(*s), 64);

	(void)e;
	assert_non_null(s);
	assert_int_equal(window, 128);
	*s = (struct srtp_session){mem, *m, dir, 0, UINT64_MAX};
	flow_lab_sessions++;
	return s;
}

static bool fake_widen(struct srtp_session *s)
{
	(void)s;
	return true;
}

static void fake_session_free(struct srtp_session *s)
{
	const struct srtp_mem *mem = s->mem;

	flow_lab_sessions--;
	mem->free(mem->ctx, s, sizeof(*s));
}

static void fake_roc(struct srtp_session *s, uint32_t roc)
{
	s->roc = roc;
}

static unsigned fake_state(const struct srtp_session *s, struct srtp_state st[],
			   unsigned n)
{
	assert_true(n >= 1);
	st[0] = (struct srtp_state){
		.ssrc = 0xabc, .roc = s->roc, .left = s->left};
	return 1;
}

static uint16_t fake_pass(struct srtp_engine *e, struct srtp_pkt pkt[],
			  uint16_t n)
{
	(void)e;
	(void)pkt;
	return n;
}

static const struct srtp_backend fake = {
	.name = "fake",
	.engine_new = fake_engine,
	.engine_free = fake_engine_free,
	.session_new = fake_session,
	.session_widen = fake_widen,
	.session_free = fake_session_free,
	.session_roc = fake_roc,
	.session_state = fake_state,
	.protect = fake_pass,
	.unprotect = fake_pass,
	.rtcp_protect = fake_pass,
	.rtcp_unprotect = fake_pass,
};

int flow_lab_up(void **state)
{
	(void)state;
	lab_up(&(struct lab_options){.srtp = &fake, .workers = 2});
	flow_lab_sessions = 0;
	return 0;
}

int flow_lab_down(void **state)
{
	(void)state;
	lab_down();
	assert_int_equal(flow_lab_sessions, 0);
	return 0;
}

struct flow *flow_on(unsigned media, uint16_t port)
{
	static const char *const addr[] = {"10.1.0.1:0", "[fd01::1]:0",
					   "10.2.0.1:0", "[fd02::1]:0"};
	struct sp_addr a = lab_addr(addr[media]);
	struct flow *const *p =
		flow_place(table_index(lab.t), a.family, a.addr, port);

	assert_non_null(p);
	return flow_at(p);
}

struct sp_transport secure(uint64_t id, uint16_t port)
{
	struct sp_transport x =
		lab_transport(id, TRUNK4, port, "10.2.0.7:4000");

	x.rx = lab_key(100 + id, AES);
	x.tx = lab_key(200 + id, GCM);
	return x;
}

void change(const struct sp_transport *x)
{
	char text[SP_TEXT_MAX] = "";

	if (table_transport_change(lab.t, x, text) != SP_OK)
		fail_msg("change: %s", text);
}

void refused(int got, int want, const char *text, const char *start)
{
	assert_int_equal(got, want);
	if (strncmp(text, start, strlen(start)) != 0)
		fail_msg("said \"%s\", not \"%s...\"", text, start);
}

void remove_ok(uint64_t id)
{
	char text[SP_TEXT_MAX] = "";

	assert_int_equal(table_transport_remove(lab.t, id, text), SP_OK);
}
