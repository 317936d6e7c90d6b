/* SPDX-License-Identifier: Apache-2.0 */
#include <string.h>
#include "control/endpoint/call_int.h"

static void invite_answered(int err, const struct sip_msg *msg, void *arg);

struct call *call_alloc(struct ua *ua, bool outgoing)
{
	struct call *c = mem_zalloc(sizeof(*c), NULL);

	if (!c)
		return NULL;
	c->ua = ua;
	c->outgoing = outgoing;
	if (sip_auth_alloc(&c->auth, ua_credentials, ua, false)) {
		mem_deref(c);
		return NULL;
	}
	c->id = ++ua->last_id;
	list_append(&ua->calls, &c->le, c);
	return c;
}

void call_free(struct call *c)
{
	if (!c)
		return;
	tmr_cancel(&c->reply_timer);
	tmr_cancel(&c->linger);
	request_forget(c->ua, c);
	call_media_open(c, RTP_CLOSED);
	call_e2ee_free(c);
	call_media_free(c);
	list_unlink(&c->le);
	mem_deref(c->invite);
	mem_deref(c->st);
	mem_deref(c->msg);
	mem_deref(c->reply);
	mem_deref(c->half);
	mem_deref(c->dlg);
	mem_deref(c->auth);
	mem_deref(c);
}

static void linger_over(void *arg)
{
	call_free(arg);
}

void call_ack(struct call *c, struct sip_dialog *dlg, uint32_t cseq)
{
	(void)sip_drequestf(NULL, c->ua->sip, false, "ACK", dlg, cseq, c->auth,
			    ua_contact, NULL, c->ua,
			    "Content-Length: 0\r\n\r\n");
}

void call_send_bye(struct ua *ua, struct sip_dialog *dlg, struct sip_auth *auth,
		   const char *reason)
{
	char header[160] = "";
	struct request_what what = {.method = "BYE", .headers = header};

	if (reason && *reason)
		re_snprintf(header, sizeof(header), "Reason: %s\r\n", reason);
	(void)request_send(NULL, ua, dlg, auth, &what, NULL, NULL);
}

/* Everything but the dialog goes; the call lingers for what still arrives. */
static void close_call(struct call *c, const char *name, const char *text)
{
	if (c->state == CALL_CLOSED)
		return;
	c->state = CALL_CLOSED;
	call_media_close(c);
	call_e2ee_free(c);
	tmr_start(&c->linger, CALL_LINGER_MS, linger_over, c);
	c->ua->ops.closed(c, name, text, c->ua->ops.arg);
}

static void tell_peer(struct call *c, unsigned scode, const char *phrase,
		      const char *header)
{
	str_ncpy(c->reason, header ? header : "", sizeof(c->reason));
	switch (c->state) {
	case CALL_CALLING:
		/* A 2xx may still cross: invite_answered sees to that. */
		if (c->invite)
			sip_request_cancel(c->invite);
		break;
	case CALL_RINGING:
		(void)sip_treplyf(&c->st, NULL, c->ua->sip, c->msg, false,
				  (uint16_t)scode, phrase,
				  "%s%s%sContent-Length: 0\r\n\r\n",
				  header ? "Reason: " : "",
				  header ? header : "", header ? "\r\n" : "");
		break;
	case CALL_UP:
		/* RFC 3261 section 15: not before the ACK. */
		if (c->reply)
			c->bye_due = true;
		else
			call_send_bye(c->ua, c->dlg, c->auth, header);
		break;
	default:
		break;
	}
}

void call_end(struct call *c, unsigned scode, const char *phrase,
	      const char *header, const char *name, const char *text)
{
	if (c->state == CALL_CLOSED)
		return;
	tell_peer(c, scode, phrase, header);
	close_call(c, name, text);
}

void call_fail(struct call *c, enum e2ee_reason r)
{
	char header[128];

	if (!e2ee_reason_header(r, header, sizeof(header)))
		header[0] = '\0';
	call_end(c, 488, "Not Acceptable Here", header, e2ee_reason_name(r),
		 e2ee_reason_text(r));
}

void call_over(struct call *c, const char *name, const char *text)
{
	if (c->state == CALL_UP)
		call_e2ee_peer_ended(c);
	close_call(c, name, text);
}

void call_hangup(struct call *c, unsigned scode, const char *phrase)
{
	call_end(c, scode, phrase, NULL, "hangup", "you ended the call");
}

/* Both sides have the other's description. */
void call_established(struct call *c)
{
	c->ua->ops.established(c, c->ua->ops.arg);
	if (c->state != CALL_UP || c->sealed)
		return;
	call_media_open(c, RTP_PLAIN);
	c->ua->ops.shield(c, false, c->warning, c->ua->ops.arg);
	if (c->state == CALL_UP)
		c->ua->ops.media(c, c->ua->ops.arg);
}

static int contact(enum sip_transp tp, const struct sa *src,
		   const struct sa *dst, struct mbuf *mb, void *arg)
{
	struct call *c = arg;

	return ua_contact(tp, src, dst, mb, c->ua);
}

static int send_invite(struct call *c)
{
	struct mbuf *mb = NULL;
	int err = call_sdp_write(c, true, &mb);

	if (err)
		return err;
	c->invite_cseq = sip_dialog_lseq(c->half);
	err = sip_drequestf(&c->invite, c->ua->sip, true, "INVITE", c->half, 0,
			    c->auth, contact, invite_answered, c,
			    "Allow: " ALLOW "\r\n"
			    "Content-Type: application/sdp\r\n"
			    "Content-Length: %zu\r\n"
			    "\r\n"
			    "%b",
			    mb->end, mb->buf, mb->end);
	mem_deref(mb);
	return err;
}

/* A full URI, or a user of our own domain. */
static bool complete_uri(const struct ua *ua, const char *uri, char *out,
			 size_t room)
{
	const char *at = strchr(ua->c.aor, '@');
	int n = strchr(uri, ':') ? re_snprintf(out, room, "%s", uri)
		: strchr(uri, '@')
			? re_snprintf(out, room, "sip:%s", uri)
			: re_snprintf(out, room, "sip:%s%s", uri, at ? at : "");

	return n > 0 && (size_t)n < room;
}

static const char *dial(struct call *c, const char *uri)
{
	const struct ua_config *u = &c->ua->c;
	const char *route[] = {u->outbound};
	enum e2ee_reason why;
	struct uri parsed;
	struct pl pl;

	pl_set_str(&pl, uri);
	if (uri_decode(&parsed, &pl) ||
	    !ua_aor(c->peer, sizeof(c->peer), &parsed))
		return "that isn't a SIP address: try sip:user@domain";
	why = call_e2ee_start(c, c->peer);
	/* An address that no identity can name stays ordinary. */
	if (why != E2EE_R_NONE &&
	    !(why == E2EE_R_CONFIG && u->e2ee == UA_E2EE_ON))
		return e2ee_reason_text(why);
	if (sip_dialog_alloc(&c->half, uri, uri, NULL, u->aor, route,
			     u->outbound ? 1 : 0))
		return "that isn't a SIP address: try sip:user@domain";
	if (send_invite(c))
		return "the INVITE could not be sent: check network and proxy";
	c->state = CALL_CALLING;
	return NULL;
}

struct call *call_connect(struct ua *ua, const char *uri,
			  const struct call_wish *wish, void *user,
			  const char **why)
{
	char full[512];
	struct call *c;

	*why = "you are in a call already";
	if (ua_calls(ua) >= ua->c.calls_max || ua->closing)
		return NULL;
	*why = "that address is too long";
	if (!complete_uri(ua, uri, full, sizeof(full)))
		return NULL;
	*why = "no memory";
	c = call_alloc(ua, true);
	if (!c)
		return NULL;
	c->user = user;
	*why = "no free RTP ports: see rtp_ports";
	if (!call_media_prepare(c, wish, NULL))
		*why = dial(c, full);
	if (!*why)
		return c;
	call_free(c);
	return NULL;
}

static struct call *by_half(struct ua *ua, const struct sip_msg *msg)
{
	struct le *le;

	LIST_FOREACH (&ua->calls, le) {
		struct call *c = le->data;

		if (c->half && sip_dialog_cmp_half(c->half, msg))
			return c;
	}
	return NULL;
}

/* E2EE.md, "The course of a handshake", 2: the first 2xx only. */
static void accepted(struct call *c, const struct sip_msg *msg)
{
	struct sip_dialog *other = NULL;
	enum e2ee_reason why;
	const uint8_t *p = mbuf_buf(msg->mb);
	size_t len = mbuf_get_left(msg->mb);

	if (c->dlg && sip_dialog_cmp(c->dlg, msg)) {
		call_ack(c, c->dlg, msg->cseq.num); /* ours was lost */
		return;
	}
	if (sip_dialog_fork(&other, c->half, msg))
		return;
	call_ack(c, other, msg->cseq.num);
	if (c->dlg || c->state != CALL_CALLING) {
		/* Another branch answered, or we gave up meanwhile. */
		call_send_bye(c->ua, other, c->auth, c->reason);
		mem_deref(other);
		return;
	}
	c->dlg = other;
	c->state = CALL_UP;
	if (desc_read(c->desc, p, len, false) || call_media_apply(c)) {
		call_end(c, 0, NULL, "SIP;cause=488;text=\"No common media\"",
			 "media", "the other side's media don't fit ours");
		return;
	}
	c->answered = true;
	if (call_e2ee_sdp(c, p, len, &why))
		call_established(c);
	else if (c->state == CALL_UP)
		call_fail(c, why);
}

bool call_stray_2xx(struct ua *ua, const struct sip_msg *msg)
{
	struct call *c = by_half(ua, msg);

	if (!c || msg->scode < 200 || msg->scode > 299 ||
	    pl_strcmp(&msg->cseq.met, "INVITE"))
		return false;
	if (msg->cseq.num == c->invite_cseq)
		accepted(c, msg);
	else if (c->dlg) /* of a re-INVITE, whose ACK was lost */
		call_ack(c, c->dlg, msg->cseq.num);
	return true;
}

/* 302: somebody dialled an alias. The new AOR gets a handshake of its own. */
static bool redirected(struct call *c, const struct sip_msg *msg)
{
	const struct sip_hdr *h = sip_msg_hdr(msg, SIP_HDR_CONTACT);
	struct sip_addr addr;
	char uri[512];

	if (!h || c->redirects++ >= REDIRECTS_MAX ||
	    sip_addr_decode(&addr, &h->val) ||
	    pl_strcpy(&addr.auri, uri, sizeof(uri)))
		return false;
	c->half = mem_deref(c->half);
	if (call_media_prepare(c, &c->wish, NULL) || dial(c, uri))
		return false;
	c->ua->ops.redirected(c, c->peer, c->ua->ops.arg);
	return true;
}

static void rejected(struct call *c, const struct sip_msg *msg)
{
	char text[192];

	if ((msg->scode == 401 || msg->scode == 407) &&
	    !sip_auth_authenticate(c->auth, msg) && !send_invite(c))
		return;
	if (msg->scode >= 300 && msg->scode < 400 && redirected(c, msg))
		return;
	re_snprintf(text, sizeof(text), "refused: %u %r", msg->scode,
		    &msg->reason);
	close_call(c, "refused", text);
}

static void invite_answered(int err, const struct sip_msg *msg, void *arg)
{
	struct call *c = arg;

	if (err || !msg) {
		close_call(c, "unreachable",
			   "no answer from the other side or its proxy");
	} else if (msg->scode < 200) {
		/* SDP and a=e2ee in it are of no interest: early media isn't
		 * played. */
		if (msg->scode >= 180 && c->state == CALL_CALLING)
			c->ua->ops.ringing(c, c->ua->ops.arg);
	} else if (msg->scode < 300) {
		accepted(c, msg);
	} else if (c->state == CALL_CALLING) {
		rejected(c, msg);
	}
}

static void modify_answered(int err, const struct sip_msg *msg, void *arg)
{
	struct call *c = arg;
	enum e2ee_reason why;

	c->await_ack = false;
	if (err || !msg || c->state != CALL_UP)
		return;
	if (msg->scode < 300)
		call_ack(c, c->dlg, msg->cseq.num);
	if (msg->scode == 481 || msg->scode == 408) {
		call_over(c, "gone", "the other side doesn't know the call");
		return;
	}
	if (msg->scode >= 300 ||
	    !call_e2ee_sdp(c, mbuf_buf(msg->mb), mbuf_get_left(msg->mb), &why))
		return; /* the call stays as it was */
	if (!desc_read(c->desc, mbuf_buf(msg->mb), mbuf_get_left(msg->mb),
		       false))
		(void)call_media_apply(c);
	c->ua->ops.media(c, c->ua->ops.arg);
}

int call_hold(struct call *c, bool on)
{
	struct request_what what = {.method = "INVITE",
				    .headers = "Allow: " ALLOW "\r\n",
				    .type = "application/sdp"};
	struct mbuf *mb = NULL;
	int err;

	if (c->state != CALL_UP || c->await_ack || !c->answered)
		return EBUSY;
	for (int k = 0; k < E2EE_KINDS; k++)
		desc_direction(c->desc, k,
			       on ? SDP_SENDONLY
			       : k == E2EE_AUDIO || c->ua->c.can_send[k]
				       ? SDP_SENDRECV
				       : SDP_RECVONLY);
	err = call_sdp_write(c, true, &mb);
	if (err)
		return err;
	what.body = mb->buf;
	what.len = mb->end;
	err = request_send(NULL, c->ua, c->dlg, c->auth, &what, modify_answered,
			   c);
	mem_deref(mb);
	c->await_ack = !err;
	c->on_hold = on;
	return err;
}

bool call_verify(struct call *c)
{
	c->verified = c->e2ee && e2ee_verify(c->e2ee);
	return c->verified;
}

unsigned call_id(const struct call *c)
{
	return c->id;
}

enum call_state call_state(const struct call *c)
{
	return c->state;
}

bool call_locked(const struct call *c)
{
	return c->e2ee && e2ee_locked(c->e2ee);
}

bool call_sealed(const struct call *c)
{
	return c->sealed;
}

const char *call_peer(const struct call *c)
{
	const char *signed_aor = call_locked(c) ? e2ee_peer_aor(c->e2ee) : NULL;

	return signed_aor ? signed_aor : c->peer;
}

const char *call_target(const struct call *c)
{
	return c->target;
}

const char *call_code(const struct call *c)
{
	return c->e2ee ? e2ee_code(c->e2ee) : NULL;
}

bool call_verified(const struct call *c)
{
	return c->verified;
}

void *call_user(const struct call *c)
{
	return c->user;
}

void call_set_user(struct call *c, void *user)
{
	c->user = user;
}
