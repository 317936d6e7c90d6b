/* SPDX-License-Identifier: Apache-2.0 */
/* What the recorder asks within the session: to pause (re-INVITE or UPDATE with
 * inactive streams), to hear the metadata again, to end. RFC 7866 section 7.2. */
#include <sodium.h>
#include <stdlib.h>
#include <string.h>
#include "control/siprec/impl.h"

#define REPEAT_FIRST 500 /* ms, RFC 3261's T1 */
#define REPEAT_MAX   4000
#define GIVE_UP	     32000

static void reply(struct listener *l, const struct sip_msg *m,
		  const struct answer *a)
{
	struct stxn *st = stxn_new(l, m, NULL, NULL);

	if (st)
		stxn_answer(st, a);
	mem_deref(st);
}

static void refuse(struct listener *l, const struct sip_msg *m, uint16_t status)
{
	reply(l, m, &(struct answer){.status = status});
}

static void confirmed(struct rec *r)
{
	timer_cancel(&r->repeat);
	r->confirm = mem_deref(r->confirm);
	if (r->update_due)
		rec_update(r);
}

static void repeat_2xx(void *arg)
{
	struct rec *r = arg;

	r->waited += r->interval;
	if (r->waited >= GIVE_UP) {
		confirmed(r);
		rec_failed(r, false, "the recorder acknowledges nothing");
		return;
	}
	stxn_resend(r->confirm);
	r->interval =
		r->interval * 2 < REPEAT_MAX ? r->interval * 2 : REPEAT_MAX;
	timer_start(&r->repeat, r->interval, repeat_2xx, r);
}

/* A re-INVITE, or an UPDATE, with an offer. */
static void offered(struct rec *r, struct listener *l, const struct sip_msg *m)
{
	struct answer a = {.status = 200, .type = "application/sdp"};
	struct pl sdp = message_body(m);
	struct media_why why;
	struct stxn *st;
	char *out;

	if (r->invite || r->confirm) {
		refuse(l, m, 491);
		return;
	}
	if (fork_media_offered(r->media, sdp.p, sdp.l, &out, &why) != 0) {
		refuse(l, m, (uint16_t)why.status);
		return;
	}
	a.body = out;
	a.len = strlen(out);
	a.headers = mbuf_alloc(256);
	if (a.headers)
		mbuf_printf((struct mbuf *)a.headers,
			    "Contact: <sip:sallyport@%J%s>;+sip.src\r\n",
			    listener_addr(r->hop.via), sip_tp_param(r->hop.tp));
	st = stxn_new(l, m, NULL, NULL);
	if (st)
		stxn_answer(st, &a);
	if (st && message_is(m, "INVITE")) {
		r->confirm = mem_ref(st);
		r->waited = 0;
		r->interval = REPEAT_FIRST;
		timer_start(&r->repeat, r->interval, repeat_2xx, r);
	}
	mem_deref(st);
	mem_deref((void *)a.headers);
	sodium_memzero(out, strlen(out));
	free(out);
}

static void on_invite(struct rec *r, struct listener *l,
		      const struct sip_msg *m)
{
	if (message_has_sdp(m))
		offered(r, l, m);
	else
		refuse(l, m, 488); /* an offer of ours would be the same */
}

static void on_update(struct rec *r, struct listener *l,
		      const struct sip_msg *m)
{
	if (message_has_sdp(m)) {
		offered(r, l, m);
		return;
	}
	refuse(l, m, 200);
	if (msg_ctype_cmp(&m->ctyp, "application", METADATA_REQUEST))
		rec_update(r);
}

static void on_ack(struct rec *r, struct listener *l, const struct sip_msg *m)
{
	(void)l;
	if (r->confirm && stxn_request(r->confirm)->cseq.num == m->cseq.num)
		confirmed(r);
}

/* It has had enough, and isn't to be called again for this call. */
static void on_bye(struct rec *r, struct listener *l, const struct sip_msg *m)
{
	struct call *c = r->c;

	refuse(l, m, 200);
	mem_deref(r);
	call_fork_over(c, "the recorder has ended the session");
}

static void on_options(struct rec *r, struct listener *l,
		       const struct sip_msg *m)
{
	(void)r;
	refuse(l, m, 200);
}

static const struct {
	const char *method;
	void (*h)(struct rec *r, struct listener *l, const struct sip_msg *m);
} verbs[] = {
	{"INVITE", on_invite}, {"UPDATE", on_update},	{"ACK", on_ack},
	{"BYE", on_bye},       {"OPTIONS", on_options},
};

void rec_request(struct rec *r, struct listener *l, const struct sip_msg *m)
{
	bool ack = message_is(m, "ACK");

	if (r->state != REC_UP) {
		if (!ack)
			refuse(l, m, message_is(m, "BYE") ? 200 : 481);
		return;
	}
	if (!ack && !dialog_sequence(&r->dlg, m)) {
		refuse(l, m, 500);
		return;
	}
	for (size_t i = 0; i < sizeof(verbs) / sizeof(verbs[0]); i++)
		if (message_is(m, verbs[i].method)) {
			verbs[i].h(r, l, m);
			return;
		}
	refuse(l, m, 405);
}
