/* SPDX-License-Identifier: Apache-2.0 */
#include <string.h>
#include "control/endpoint/call_int.h"

static const uint8_t *body(const struct sip_msg *msg)
{
	return mbuf_buf(msg->mb);
}

static size_t body_len(const struct sip_msg *msg)
{
	return mbuf_get_left(msg->mb);
}

/* An answer without a body; reason: a Reason header's value, or NULL. */
static void answer(struct call *c, const struct sip_msg *msg, uint16_t scode,
		   const char *phrase, const char *reason)
{
	(void)sip_replyf(c->ua->sip, msg, scode, phrase,
			 "Allow: " ALLOW "\r\n%s%s%sContent-Length: 0\r\n\r\n",
			 reason ? "Reason: " : "", reason ? reason : "",
			 reason ? "\r\n" : "");
}

static void refuse(struct call *c, const struct sip_msg *msg,
		   enum e2ee_reason why)
{
	char header[128];

	answer(c, msg, 488, "Not Acceptable Here",
	       e2ee_reason_header(why, header, sizeof(header)) ? header : NULL);
}

static struct call *by_dialog(struct ua *ua, const struct sip_msg *msg)
{
	struct le *le;

	LIST_FOREACH (&ua->calls, le) {
		struct call *c = le->data;

		if (c->dlg && sip_dialog_cmp(c->dlg, msg))
			return c;
	}
	return NULL;
}

/* The same INVITE on another path: RFC 3261 section 8.2.2.2. */
static bool merged(struct ua *ua, const struct sip_msg *msg)
{
	struct le *le;

	LIST_FOREACH (&ua->calls, le) {
		const struct call *c = le->data;

		if (!c->outgoing && c->msg &&
		    !pl_cmp(&c->msg->callid, &msg->callid) &&
		    !pl_cmp(&c->msg->from.tag, &msg->from.tag) &&
		    c->msg->cseq.num == msg->cseq.num)
			return true;
	}
	return false;
}

/* --- our 2xx, repeated until its ACK: RFC 3261 section 13.3.1.4 --- */

static void stop_reply(struct call *c)
{
	tmr_cancel(&c->reply_timer);
	c->reply = mem_deref(c->reply);
	if (!c->bye_due)
		return;
	c->bye_due = false;
	call_send_bye(c->ua, c->dlg, c->auth, c->reason);
}

static void repeat_reply(void *arg)
{
	struct call *c = arg;
	struct sa dst;
	uint32_t wait;

	/* 64 times T1 is reached after so many. */
	if (c->reply_count++ > 10) {
		stop_reply(c);
		if (c->state == CALL_UP)
			call_end(c, 0, NULL, NULL, "no-ack",
				 "the other side didn't confirm the call");
		return;
	}
	wait = (uint32_t)SIP_T1 << c->reply_count;
	tmr_start(&c->reply_timer, wait < SIP_T2 ? wait : SIP_T2, repeat_reply,
		  c);
	sip_reply_addr(&dst, c->msg, true);
	c->reply->pos = 0;
	(void)sip_send(c->ua->sip, c->msg->sock, c->msg->tp, &dst, c->reply);
}

static int reply_sdp(struct call *c, const struct sip_msg *msg,
		     struct sip_strans **st, bool offer)
{
	struct sip_contact contact;
	struct mbuf *mb = NULL;
	int err = call_sdp_write(c, offer, &mb);

	if (err)
		return err;
	sip_contact_set(&contact, c->ua->user, &msg->dst, msg->tp);
	tmr_cancel(&c->reply_timer);
	c->reply = mem_deref(c->reply);
	err = sip_treplyf(st, &c->reply, c->ua->sip, msg, true, 200, "OK",
			  "%H"
			  "Allow: " ALLOW "\r\n"
			  "Content-Type: application/sdp\r\n"
			  "Content-Length: %zu\r\n"
			  "\r\n"
			  "%b",
			  sip_contact_print, &contact, mb->end, mb->buf,
			  mb->end);
	mem_deref(mb);
	if (err)
		return err;
	c->reply_count = 0;
	tmr_start(&c->reply_timer, SIP_T1, repeat_reply, c);
	return 0;
}

/* --- a new INVITE --- */

static void canceled(void *arg)
{
	struct call *c = arg;

	(void)sip_treply(&c->st, c->ua->sip, c->msg, 487, "Request Terminated");
	call_over(c, "canceled", "the caller gave up");
}

/* What we have no idea of, or refuse whatever it is about. */
static bool unwanted(struct ua *ua, const struct sip_msg *msg)
{
	const struct sip_hdr *require = sip_msg_hdr(msg, SIP_HDR_REQUIRE);

	if (require) {
		(void)sip_replyf(ua->sip, msg, 420, "Bad Extension",
				 "Unsupported: %r\r\nContent-Length: 0\r\n\r\n",
				 &require->val);
	} else if (sip_msg_hdr(msg, SIP_HDR_REPLACES) ||
		   sip_msg_hdr(msg, SIP_HDR_JOIN)) {
		struct le *le;

		/* E2EE.md, "The course of a handshake", 8; no other call
		 * is taken over here either. */
		(void)sip_replyf(ua->sip, msg, 403, "Forbidden",
				 "Reason: SIP;cause=403;text=\"No takeover of "
				 "calls\"\r\nContent-Length: 0\r\n\r\n");
		LIST_FOREACH (&ua->calls, le) {
			struct call *c = le->data;

			if (c->state == CALL_UP)
				ua->ops.refused(c, "takeover", ua->ops.arg);
		}
	} else if (merged(ua, msg)) {
		(void)sip_reply(ua->sip, msg, 482, "Loop Detected");
	} else if (ua->closing || ua_calls(ua) >= ua->c.calls_max) {
		(void)sip_reply(ua->sip, msg, 486, "Busy Here");
	} else {
		return false;
	}
	return true;
}

static void drop(struct call *c, uint16_t scode, const char *phrase,
		 const char *reason)
{
	(void)sip_treplyf(&c->st, NULL, c->ua->sip, c->msg, false, scode,
			  phrase, "%s%s%sContent-Length: 0\r\n\r\n",
			  reason ? "Reason: " : "", reason ? reason : "",
			  reason ? "\r\n" : "");
	call_free(c);
}

static void drop_e2ee(struct call *c, enum e2ee_reason why)
{
	char header[128];
	bool busy = why == E2EE_R_BUSY;

	if (!e2ee_reason_header(why, header, sizeof(header)))
		header[0] = '\0';
	/* A blocked peer is something the user is to know of. */
	if (why == E2EE_R_BLOCKED)
		c->ua->ops.refused(c, e2ee_reason_name(why), c->ua->ops.arg);
	drop(c, busy ? 486 : 488, busy ? "Busy Here" : "Not Acceptable Here",
	     header);
}

static void invite(struct ua *ua, const struct sip_msg *msg)
{
	struct call *c;
	enum e2ee_reason why;
	char claimed[sizeof(c->peer)];

	if (unwanted(ua, msg))
		return;
	c = call_alloc(ua, false);
	if (!c || sip_strans_alloc(&c->st, ua->sip, msg, canceled, c) ||
	    !ua_aor(claimed, sizeof(claimed), &msg->from.uri) ||
	    !ua_aor(c->target, sizeof(c->target), &msg->uri)) {
		call_free(c);
		(void)sip_reply(ua->sip, msg, 500, "Server Internal Error");
		return;
	}
	c->msg = mem_ref((void *)msg);
	str_ncpy(c->peer, claimed, sizeof(c->peer));
	if (sip_dialog_accept(&c->dlg, msg)) {
		drop(c, 400, "Bad Request", NULL);
		return;
	}
	c->delayed = !body_len(msg);
	if (!c->delayed &&
	    !desc_wishes(body(msg), body_len(msg), &c->offered)) {
		drop(c, 400, "Bad Request", NULL);
		return;
	}
	/* From is only a claim: it counts for the guard, and nothing else. */
	why = call_e2ee_start(
		c, e2ee_aor_valid(claimed, strlen(claimed)) ? claimed : NULL);
	c->state = CALL_RINGING;
	if (why != E2EE_R_NONE ||
	    !call_e2ee_sdp(c, body(msg), body_len(msg), &why)) {
		c->state = CALL_IDLE;
		drop_e2ee(c, why);
		return;
	}
	call_ring(c);
	ua->ops.incoming(c, ua->ops.arg);
}

void call_ring(struct call *c)
{
	(void)sip_treplyf(&c->st, NULL, c->ua->sip, c->msg, true, 180,
			  "Ringing", "Content-Length: 0\r\n\r\n");
}

int call_answer(struct call *c, const struct call_wish *wish)
{
	enum e2ee_reason why;
	int err;

	if (c->state != CALL_RINGING)
		return EALREADY;
	err = call_media_prepare(c, wish, c->delayed ? NULL : &c->offered);
	if (!err && !c->delayed) {
		err = desc_read(c->desc, body(c->msg), body_len(c->msg), true);
		if (!err)
			err = call_media_apply(c);
	}
	if (err) {
		call_end(c, 488, "Not Acceptable Here", NULL, "media",
			 "the other side's media don't fit ours");
		return err;
	}
	if (!call_e2ee_answer(c, &why)) {
		call_fail(c, why);
		return EPROTO;
	}
	err = reply_sdp(c, c->msg, &c->st, c->delayed);
	if (err) {
		call_end(c, 500, "Server Internal Error", NULL, "internal",
			 "the answer could not be sent");
		return err;
	}
	c->state = CALL_UP;
	c->answered = !c->delayed;
	if (c->answered)
		call_established(c);
	return 0;
}

/* --- in a dialog --- */

static void ack(struct call *c, const struct sip_msg *msg)
{
	bool first = c->reply;

	stop_reply(c);
	if (!first || c->state != CALL_UP || c->answered)
		return;
	/* A delayed offer's answer. */
	if (!body_len(msg) ||
	    desc_read(c->desc, body(msg), body_len(msg), false) ||
	    call_media_apply(c)) {
		call_end(c, 0, NULL, "SIP;cause=488;text=\"No common media\"",
			 "media", "the other side's media don't fit ours");
		return;
	}
	c->answered = true;
	call_established(c);
}

static void reinvite(struct call *c, const struct sip_msg *msg)
{
	enum e2ee_reason why;
	struct desc_wish w;
	int err = 0;

	if (c->state != CALL_UP) {
		answer(c, msg, 481, "Call Does Not Exist", NULL);
		return;
	}
	if (c->await_ack || c->reply || !c->answered) {
		answer(c, msg, 491, "Request Pending", NULL);
		return;
	}
	(void)sip_dialog_update(c->dlg, msg);
	if (!body_len(msg)) {
		/* Our offer repeats our M1 or M2; on a sealed call the answer
		 * in the ACK could no more be refused, so none is asked for. */
		if (c->sealed) {
			refuse(c, msg, E2EE_R_SDP_CHANGED);
			return;
		}
		c->answered = false;
		mem_deref(c->msg);
		c->msg = mem_ref((void *)msg);
		(void)reply_sdp(c, msg, NULL, true);
		return;
	}
	if (!desc_wishes(body(msg), body_len(msg), &w)) {
		answer(c, msg, 400, "Bad Request", NULL);
		return;
	}
	if (!call_e2ee_sdp(c, body(msg), body_len(msg), &why)) {
		if (c->state == CALL_UP)
			c->ua->ops.refused(c, e2ee_reason_name(why),
					   c->ua->ops.arg);
		refuse(c, msg, why);
		return;
	}
	err = desc_read(c->desc, body(msg), body_len(msg), true);
	if (!err)
		(void)call_media_apply(c);
	mem_deref(c->msg);
	c->msg = mem_ref((void *)msg);
	if (!err)
		err = reply_sdp(c, msg, NULL, false);
	if (err)
		answer(c, msg, 488, "Not Acceptable Here", NULL);
	else
		c->ua->ops.media(c, c->ua->ops.arg);
}

static void bye(struct call *c, const struct sip_msg *msg)
{
	const struct sip_hdr *h = sip_msg_hdr(msg, SIP_HDR_REASON);
	struct pl reason = PL_INIT;
	char text[160] = "the other side ended the call";

	answer(c, msg, 200, "OK", NULL);
	c->bye_due = false;
	stop_reply(c);
	if (h && !re_regex(h->val.p, h->val.l, "text=\"[^\"]+\"", &reason))
		re_snprintf(text, sizeof(text),
			    "the other side ended the call: %r", &reason);
	call_over(c, "bye", text);
}

static void info(struct call *c, const struct sip_msg *msg)
{
	if (msg_ctype_cmp(&msg->ctyp, "application", "sallyport-e2ee")) {
		/* A peer that knows nothing of ours can't send these. */
		if (c->state == CALL_UP && c->sealed &&
		    body_len(msg) <= E2EE_MSG_MAX &&
		    call_e2ee_info(c, body(msg), body_len(msg)))
			answer(c, msg, 200, "OK", NULL);
		else
			answer(c, msg, 488, "Not Acceptable Here", NULL);
		return;
	}
	if (c->sealed) {
		/* Record, and digits past the encryption. */
		c->ua->ops.refused(c, "info", c->ua->ops.arg);
		answer(c, msg, 403, "Forbidden",
		       "SIP;cause=403;text=\"End-to-end encrypted\"");
		return;
	}
	answer(c, msg, 415, "Unsupported Media Type", NULL);
}

static void refer(struct call *c, const struct sip_msg *msg)
{
	c->ua->ops.refused(c, "transfer", c->ua->ops.arg);
	if (c->sealed)
		answer(c, msg, 403, "Forbidden",
		       "SIP;cause=403;text=\"End-to-end encrypted\"");
	else
		answer(c, msg, 501, "Not Implemented", NULL);
}

static const struct {
	const char *method;
	void (*handle)(struct call *c, const struct sip_msg *msg);
} in_dialog[] = {
	{"ACK", ack},	  {"BYE", bye},		{"INFO", info},
	{"REFER", refer}, {"INVITE", reinvite},
};

bool call_request(struct ua *ua, const struct sip_msg *msg)
{
	struct call *c;

	if (!pl_isset(&msg->to.tag)) {
		if (pl_strcmp(&msg->met, "INVITE"))
			return false;
		invite(ua, msg);
		return true;
	}
	c = by_dialog(ua, msg);
	if (!c) {
		if (!pl_strcmp(&msg->met, "ACK"))
			return true;
		(void)sip_reply(ua->sip, msg, 481, "Call Does Not Exist");
		return true;
	}
	if (pl_strcmp(&msg->met, "ACK") &&
	    !sip_dialog_rseq_valid(c->dlg, msg)) {
		(void)sip_reply(ua->sip, msg, 500, "Server Internal Error");
		return true;
	}
	for (size_t i = 0; i < ARRAY_SIZE(in_dialog); i++)
		if (!pl_strcmp(&msg->met, in_dialog[i].method)) {
			in_dialog[i].handle(c, msg);
			return true;
		}
	return false;
}
