/* SPDX-License-Identifier: Apache-2.0 */
/* A recording session: INVITE with SDP and metadata, the same again where
 * something has changed, BYE. RFC 7866 sections 7.1 and 9.1.
 *
 * What fails is tried again as long as the call wants it, after a while that
 * doubles. A recorder that refuses what is offered, and would refuse it again,
 * isn't asked again for that call. */
#include <errno.h>
#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "control/log.h"
#include "control/siprec/impl.h"

#define ANSWER_MS 8000 /* within which an INVITE has to be answered */
#define RETRY_MIN 2000 /* ms after the first failure */
#define RETRY_MAX 60000
#define GLARE_MS  1500 /* RFC 3261 section 14.1 has 2.1 to 4 s, or less */
#define SOON_MS	  500  /* the dataplane is away */
#define BOUNDARY  "sallyport-part"
#define CONTACT	  "Contact: <sip:sallyport@%J%s>;+sip.src\r\n"
#define ALLOW	  "Allow: INVITE, ACK, CANCEL, BYE, OPTIONS, UPDATE\r\n"

static void attempt(void *arg);
static void update(void *arg);

static void rec_destructor(void *arg)
{
	struct rec *r = arg;

	list_unlink(&r->le);
	timer_cancel(&r->next);
	timer_cancel(&r->answer);
	rec_unwatch(r);
	timer_cancel(&r->repeat);
	mem_deref(r->confirm);
	ctxn_drop(r->invite);
	ctxn_drop(r->bye);
	fork_media_free(r->media);
	dialog_reset(&r->dlg);
}

static struct rec *rec_alloc(struct siprec *sr, struct call *c)
{
	struct rec *r = mem_zalloc(sizeof(*r), rec_destructor);

	if (!r)
		return NULL;
	r->sr = sr;
	r->c = c;
	r->hop = sr->hop;
	list_append(&sr->sessions, &r->le, r);
	return r;
}

struct rec *rec_new(struct siprec *sr, struct call *c)
{
	struct rec *r = rec_alloc(sr, c);

	if (!r)
		return NULL;
	randombytes_buf(r->meta.session, METADATA_ID);
	for (int x = LEG_A; x <= LEG_B; x++)
		randombytes_buf(r->meta.party[x].id, METADATA_ID);
	for (unsigned i = 0; i < FORK_STREAMS_MAX; i++)
		randombytes_buf(r->stream[i].id, METADATA_ID);
	timer_start(&r->next, 1, attempt, r);
	return r;
}

/* ---------------------------------------------------------------- requests */

struct mbuf *rec_headers(struct rec *r, const char *method, uint32_t seq)
{
	struct mbuf *mb = mbuf_alloc(4096);
	int err;

	if (!mb)
		return NULL;
	err = mbuf_write_str(mb, "Max-Forwards: 70\r\n");
	err |= dialog_headers(&r->dlg, mb, method, seq);
	err |= mbuf_write_str(mb, "User-Agent: Sallyport\r\n");
	if (strcmp(method, "ACK") && strcmp(method, "BYE"))
		err |= mbuf_printf(mb, CONTACT, listener_addr(r->hop.via),
				   sip_tp_param(r->hop.tp));
	return err ? mem_deref(mb) : mb;
}

void rec_ack(struct rec *r, uint32_t seq)
{
	struct mbuf *mb = rec_headers(r, "ACK", seq);

	if (mb && !mbuf_write_str(mb, "Content-Length: 0\r\n\r\n"))
		stack_send_ack(&r->hop, dialog_request_uri(&r->dlg), mb);
	mem_deref(mb);
}

static void bye_answered(int err, const struct sip_msg *m, void *arg)
{
	struct rec *r = arg;

	(void)err;
	if (m && m->scode < 200)
		return;
	mem_deref(r);
}

/* From now on it is nobody's, and goes when the BYE is answered. */
static void goodbye(struct rec *r)
{
	struct mbuf *mb = NULL;

	r->c = NULL;
	r->state = REC_ENDING;
	timer_cancel(&r->next);
	timer_cancel(&r->answer);
	rec_unwatch(r);
	fork_media_free(r->media);
	r->media = NULL;
	if (r->dlg.remote_tag)
		mb = rec_headers(r, "BYE", dialog_next(&r->dlg));
	if (!mb || mbuf_write_str(mb, "Content-Length: 0\r\n\r\n") ||
	    ctxn_send(&r->bye, &r->hop, "BYE", dialog_request_uri(&r->dlg), mb,
		      bye_answered, r))
		mem_deref(r);
	mem_deref(mb);
}

/* What the recorder is to know of the call by now. */
static void look(struct rec *r, const char *uses[FORK_USES])
{
	struct fork_stream s[FORK_STREAMS_MAX];
	unsigned forked = call_forked(r->c);
	struct metadata *m = &r->meta;

	m->call = call_id(r->c);
	m->started = call_answered(r->c);
	for (int x = LEG_A; x <= LEG_B; x++)
		m->party[x].aor = call_party(r->c, x);
	m->streams = call_fork_streams(r->c, s, FORK_STREAMS_MAX);
	m->stream = r->stream;
	for (unsigned i = 0; i < m->streams; i++) {
		memcpy(r->label[i], s[i].label, FORK_LABEL_MAX);
		r->stream[i].label = r->label[i];
		r->stream[i].from = s[i].from;
		r->stream[i].flows = s[i].flows;
	}
	m->uses = uses;
	m->n_uses = 0;
	for (unsigned u = 0; u < FORK_USES; u++)
		if (forked & (1u << u))
			uses[m->n_uses++] = fork_use_names[u];
}

static struct mbuf *print_body(struct rec *r, const char *sdp)
{
	struct mbuf *mb = mbuf_alloc(4096);
	const char *uses[FORK_USES];
	int err;

	if (!mb)
		return NULL;
	look(r, uses);
	err = mbuf_printf(mb,
			  "--" BOUNDARY "\r\nContent-Type: application/sdp\r\n"
			  "\r\n%s\r\n--" BOUNDARY "\r\n"
			  "Content-Type: " METADATA_TYPE "\r\n"
			  "Content-Disposition: recording-session\r\n\r\n",
			  sdp);
	err |= metadata_print(mb, &r->meta);
	err |= mbuf_write_str(mb, "\r\n--" BOUNDARY "--\r\n");
	r->meta.uses = NULL; /* they were look()'s */
	r->meta.n_uses = 0;
	return err ? mem_deref(mb) : mb;
}

static int send_invite(struct rec *r, const char *sdp, ctxn_h *h)
{
	struct mbuf *body = print_body(r, sdp), *mb = NULL;
	int err = ENOMEM;

	if (body)
		mb = rec_headers(r, "INVITE", dialog_next(&r->dlg));
	if (mb)
		err = mbuf_printf(
			mb,
			ALLOW "Require: siprec\r\n"
			      "Accept: application/sdp, "
			      "application/" METADATA_REQUEST "\r\n"
			      "Content-Type: multipart/mixed;boundary=" BOUNDARY
			      "\r\nContent-Length: %zu\r\n\r\n",
			body->end);
	if (!err)
		err = mbuf_write_mem(mb, body->buf, body->end);
	if (!err)
		err = ctxn_send(&r->invite, &r->hop, "INVITE",
				dialog_request_uri(&r->dlg), mb, h, r);
	if (body)
		sodium_memzero(body->buf, body->size); /* keys */
	if (mb)
		sodium_memzero(mb->buf, mb->size);
	mem_deref(body);
	mem_deref(mb);
	return err;
}

static int offer_and_send(struct rec *r, ctxn_h *h, struct media_why *why)
{
	char *sdp;
	int err;

	if (fork_media_offer(r->media, &sdp, why) != 0)
		return -1;
	err = send_invite(r, sdp, h);
	sodium_memzero(sdp, strlen(sdp));
	free(sdp);
	if (!err)
		return 0;
	why->status = 500;
	snprintf(why->text, sizeof(why->text), "The INVITE can't be sent: %s",
		 strerror(err));
	return -1;
}

/* ---------------------------------------------------------------- failure */

/* Would it say the same again? */
static bool final_refusal(unsigned status)
{
	static const uint16_t passing[] = {404, 408, 410, 480, 481,
					   486, 487, 491, 600, 603};

	for (size_t i = 0; i < sizeof(passing) / sizeof(passing[0]); i++)
		if (status == passing[i])
			return false;
	return (status >= 300 && status < 500) || status >= 600;
}

static uint64_t retry_after(const struct rec *r)
{
	uint64_t ms = RETRY_MIN;

	for (unsigned i = 1; i < r->failures && ms < RETRY_MAX; i++)
		ms *= 2;
	return ms < RETRY_MAX ? ms : RETRY_MAX;
}

/* The dialog, if there was one, is over in any case: another session object
 * takes it away, and this one begins anew. */
static void leave_dialog(struct rec *r)
{
	struct rec *old = NULL;

	if (r->dlg.remote_tag)
		old = rec_alloc(r->sr, NULL);
	if (old) {
		old->dlg = r->dlg;
		old->hop = r->hop;
		memset(&r->dlg, 0, sizeof(r->dlg));
		goodbye(old);
	}
	dialog_reset(&r->dlg);
	r->hop = r->sr->hop;
}

void rec_failed(struct rec *r, bool for_good, const char *reason)
{
	struct call *c = r->c;
	bool first = r->failures++ == 0;

	timer_cancel(&r->answer);
	rec_unwatch(r);
	ctxn_drop(r->invite);
	fork_media_free(r->media);
	r->media = NULL;
	r->state = REC_CALLING;
	r->update_due = false;
	leave_dialog(r);
	if (r->sr->stopping) {
		timer_cancel(&r->next);
		return;
	}
	if (for_good) {
		mem_deref(r);
		call_fork_over(c, reason);
		return;
	}
	log_warn(call_id(c), "recorder: %s; again in %u ms", reason,
		 (unsigned)retry_after(r));
	if (first)
		call_fork_tell(c, "fork-failed", reason);
	timer_start(&r->next, retry_after(r), attempt, r);
}

static void refused(struct rec *r, int err, const struct sip_msg *m)
{
	char why[128];

	if (m)
		snprintf(why, sizeof(why), "the recorder answers %u %.*s",
			 m->scode, (int)(m->reason.l < 60 ? m->reason.l : 60),
			 m->reason.p);
	else
		snprintf(why, sizeof(why), "the recorder can't be reached: %s",
			 strerror(err));
	rec_failed(r, m && final_refusal(m->scode), why);
}

/* CANCEL: its answer, or the transaction's own end, is the failure. */
static void unanswered(void *arg)
{
	struct rec *r = arg;

	if (r->failures++ == 0)
		call_fork_tell(r->c, "fork-failed",
			       "the recorder doesn't answer");
	ctxn_cancel(r->invite);
}

/* -------------------------------------------------------------- the course */

/* Where requests of the dialog go from now on. */
static void moved(struct rec *r, const struct sip_msg *m)
{
	struct message_contact contact;
	struct sa at;

	if (r->hop.tp != SIP_UDP)
		r->hop.peer = m->src; /* the connection in use */
	else if (!r->dlg.routes && message_contact(m, &contact) &&
		 message_contact_addr(m, &at))
		r->hop.peer = at;
}

/* The 2xx to an INVITE, with the answer. @return false: it is no use. */
static bool accepted(struct rec *r, const struct sip_msg *m)
{
	struct pl sdp = message_body(m);
	struct media_why why;

	r->seq = m->cseq.num;
	rec_ack(r, r->seq);
	if (message_has_sdp(m) &&
	    fork_media_answer(r->media, sdp.p, sdp.l, &why) == 0)
		return true;
	rec_failed(r, message_has_sdp(m) && why.status < 500,
		   message_has_sdp(m) ? why.text
				      : "the recorder's answer has no SDP");
	return false;
}

/* Does it want to know again who is who? */
static bool asks_metadata(const struct sip_msg *m)
{
	struct pl val, body;

	return msg_ctype_cmp(&m->ctyp, "application", METADATA_REQUEST) ||
	       (!pl_strcasecmp(&m->ctyp.type, "multipart") && m->mb &&
		(body = (struct pl){(const char *)mbuf_buf(m->mb),
				    mbuf_get_left(m->mb)},
		 !re_regex(body.p, body.l, METADATA_REQUEST, &val)));
}

/* The call has ended while the INVITE was on its way. */
static void late(struct rec *r, const struct sip_msg *m)
{
	if (m && m->scode < 300 && !dialog_learn(&r->dlg, m)) {
		r->seq = m->cseq.num;
		rec_ack(r, r->seq);
		moved(r, m);
	}
	goodbye(r);
}

static void on_answer(int err, const struct sip_msg *m, void *arg)
{
	struct rec *r = arg;

	if (m && m->scode < 200)
		return;
	timer_cancel(&r->answer);
	if (!r->c) {
		late(r, m);
		return;
	}
	if (!m || m->scode >= 300) {
		refused(r, err, m);
		return;
	}
	if (dialog_learn(&r->dlg, m)) {
		rec_failed(r, true, "the recorder's answer is malformed");
		return;
	}
	moved(r, m);
	if (!accepted(r, m))
		return;
	r->state = REC_UP;
	call_fork_tell(r->c, "fork-connected", NULL);
	r->failures = 0;
	call_save(r->c); /* a restart has to end the dialog */
	rec_watch(r);
	if (r->update_due || asks_metadata(m))
		timer_start(&r->next, 1, update, r);
}

static void attempt(void *arg)
{
	struct rec *r = arg;
	char local[256], remote[MESSAGE_URI_MAX + 2];
	struct media_leg_addr to = {
		.local = sip_addr_media(listener_addr(r->sr->hop.via)),
		.peer = sip_addr_media(&r->sr->hop.peer),
	};
	struct media_why why = {.text = "out of memory"};
	struct fork_stream stream[FORK_STREAMS_MAX];
	unsigned n = call_fork_streams(r->c, stream, FORK_STREAMS_MAX);

	r->update_due = false;
	r->meta.joined = time(NULL);
	snprintf(local, sizeof(local), "<sip:sallyport@%s>", r->sr->cfg.domain);
	snprintf(remote, sizeof(remote), "<%s>", r->sr->target);
	fork_media_free(r->media);
	r->media = fork_media_new(r->c, stream, n, &to, &r->sr->profile);
	if (r->media && !dialog_uac(&r->dlg, local, remote, r->sr->target) &&
	    offer_and_send(r, on_answer, &why) == 0) {
		timer_start(&r->answer, ANSWER_MS, unanswered, r);
		return;
	}
	/* as after a restart: the dataplane isn't there yet */
	if (why.status == 503 && r->failures == 0) {
		dialog_reset(&r->dlg);
		timer_start(&r->next, SOON_MS, attempt, r);
		return;
	}
	rec_failed(r, false, why.text);
}

static void on_update(int err, const struct sip_msg *m, void *arg)
{
	struct rec *r = arg;

	if (m && m->scode < 200)
		return;
	timer_cancel(&r->answer);
	if (m && m->scode < 300) {
		moved(r, m);
		if (accepted(r, m) && r->update_due)
			timer_start(&r->next, 1, update, r);
		return;
	}
	fork_media_decline(r->media);
	if (!m || m->scode == 408 || m->scode == 481) {
		refused(r, err, NULL);
		return;
	}
	/* it goes on with what it knows */
	log_warn(call_id(r->c), "recorder: an update is refused: %u", m->scode);
	if (m->scode == 491 || r->update_due)
		timer_start(&r->next, GLARE_MS, update, r);
}

static void update(void *arg)
{
	struct rec *r = arg;
	struct media_why why;

	if (r->invite || r->confirm) {
		r->update_due = true;
		return;
	}
	r->update_due = false;
	if (offer_and_send(r, on_update, &why) == 0)
		timer_start(&r->answer, ANSWER_MS, unanswered, r);
	else
		rec_failed(r, false, why.text);
}

void rec_update(struct rec *r)
{
	if (r->state == REC_UP && !r->invite)
		timer_start(&r->next, 1, update, r);
	else
		r->update_due = true;
}

void rec_end(struct rec *r)
{
	if (r->invite && r->state == REC_CALLING) {
		/* CANCEL; whatever the answer is, it goes with that */
		r->c = NULL;
		r->state = REC_ENDING;
		timer_cancel(&r->next);
		timer_cancel(&r->answer);
		fork_media_free(r->media);
		r->media = NULL;
		ctxn_cancel(r->invite);
		return;
	}
	ctxn_drop(r->invite);
	goodbye(r);
}

void rec_forget(struct siprec *sr, const json_t *saved)
{
	struct rec *r = rec_alloc(sr, NULL);

	if (!r)
		return;
	if (dialog_load(&r->dlg, saved))
		goodbye(r);
	else
		mem_deref(r);
}
