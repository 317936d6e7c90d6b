/* SPDX-License-Identifier: Apache-2.0 */
#include "control/endpoint/call_int.h"

#define TYPE "application/sallyport-e2ee"

static bool act(struct call *c, struct e2ee_result r);
static void rearm(struct call *c);

static void info_answered(int err, const struct sip_msg *msg, void *arg)
{
	struct call *c = arg;

	if (!c->e2ee || c->state != CALL_UP ||
	    (!err && msg && msg->scode < 300))
		return;
	act(c, e2ee_refused(c->e2ee, tmr_jiffies()));
	rearm(c);
}

static void send_info(struct call *c, const uint8_t *p, size_t len)
{
	struct request_what what = {.method = "INFO",
				    .headers = "Allow: " ALLOW "\r\n",
				    .type = TYPE,
				    .body = p,
				    .len = len};

	if (request_send(NULL, c->ua, c->dlg, c->auth, &what, info_answered, c))
		call_fail(c, E2EE_R_INTERNAL);
}

/* Media may be sealed as soon as the handshake lets this side send. */
static void try_media(struct call *c)
{
	const struct media_limits *l = &c->ua->c.limits;

	if (c->media || c->state != CALL_UP)
		return;
	c->media = media_new(c->e2ee, l->step_packets ? l : NULL);
	if (!c->media)
		return;
	call_media_open(c, RTP_SEALED);
	c->ua->ops.media(c, c->ua->ops.arg);
}

static void locked(struct call *c, enum e2ee_warning w)
{
	struct peers *ps = c->ua->c.peers;

	c->warning = w;
	c->verified =
		ps && peers_judge(ps, e2ee_peer_aor(c->e2ee),
				  e2ee_peer_key(c->e2ee)) == PEERS_VERIFIED;
	c->ua->ops.shield(c, true, w, c->ua->ops.arg);
}

/* Do what the handshake answered. @return false: refuse, or the call ended. */
static bool act(struct call *c, struct e2ee_result r)
{
	switch (r.act) {
	case E2EE_WAIT:
		return true;
	case E2EE_SEND:
		send_info(c, r.msg, r.len);
		if (c->state == CALL_UP)
			try_media(c);
		return c->state == CALL_UP;
	case E2EE_LOCK:
		locked(c, r.warning);
		try_media(c);
		return true;
	case E2EE_ORDINARY:
		c->warning = r.warning;
		c->sealed = false;
		return true;
	case E2EE_REFUSE:
		return false;
	case E2EE_END:
		call_fail(c, r.reason);
		return false;
	}
	return false;
}

static void timer(void *arg)
{
	struct call *c = arg;

	if (!c->e2ee)
		return;
	act(c, e2ee_tick(c->e2ee, tmr_jiffies()));
	rearm(c);
}

static void rearm(struct call *c)
{
	uint64_t now = tmr_jiffies(), at;

	tmr_cancel(&c->e2ee_timer);
	at = c->e2ee ? e2ee_deadline(c->e2ee) : E2EE_NEVER;
	if (at != E2EE_NEVER)
		tmr_start(&c->e2ee_timer, at > now ? at - now : 0, timer, c);
}

enum e2ee_reason call_e2ee_start(struct call *c, const char *claimed)
{
	const struct ua_config *u = &c->ua->c;
	struct e2ee_config conf = {
		.side = c->outgoing ? E2EE_I : E2EE_R,
		.identity = u->identity,
		.own_aor = u->aor,
		.peer_aor = claimed,
		.required = u->e2ee == UA_E2EE_REQUIRED,
		.peers = u->peers,
		.guard = u->guard,
	};
	/* The receiver uses the sender's suite, so we say what suits us. */
	uint16_t suite = sodium_runtime_has_aesni() ? 0x0005 : 0x0001;
	enum e2ee_reason why = E2EE_R_NONE;

	call_e2ee_free(c);
	if (u->e2ee == UA_E2EE_OFF)
		return E2EE_R_NONE;
	for (int k = 0; k < E2EE_KINDS; k++)
		if (k == E2EE_AUDIO || u->can_send[k])
			conf.media.suite[k] = suite;
	c->e2ee = e2ee_new(&conf, tmr_jiffies(), &why);
	c->sealed = c->e2ee;
	return c->e2ee ? E2EE_R_NONE : why;
}

bool call_e2ee_sdp(struct call *c, const uint8_t *p, size_t len,
		   enum e2ee_reason *why)
{
	struct e2ee_result r;
	bool ok;

	*why = E2EE_R_NONE;
	if (!c->e2ee)
		return true;
	r = e2ee_sdp(c->e2ee, (const char *)p, len, tmr_jiffies());
	*why = r.reason;
	ok = act(c, r);
	rearm(c);
	return ok;
}

bool call_e2ee_answer(struct call *c, enum e2ee_reason *why)
{
	struct e2ee_result r;

	*why = E2EE_R_NONE;
	if (!c->e2ee || !c->sealed)
		return true;
	r = e2ee_answer(c->e2ee, tmr_jiffies());
	*why = r.reason;
	rearm(c);
	return r.act != E2EE_END && r.act != E2EE_REFUSE;
}

bool call_e2ee_info(struct call *c, const uint8_t *p, size_t len)
{
	bool ok;

	if (!c->e2ee || !c->sealed)
		return false;
	ok = act(c, e2ee_feed(c->e2ee, p, len, tmr_jiffies()));
	rearm(c);
	return ok;
}

void call_e2ee_authentic(struct call *c)
{
	if (!c->e2ee)
		return;
	act(c, e2ee_media_seen(c->e2ee, tmr_jiffies()));
	rearm(c);
}

void call_e2ee_peer_ended(struct call *c)
{
	if (c->e2ee && c->sealed)
		(void)e2ee_peer_ended(c->e2ee, tmr_jiffies());
}

void call_e2ee_free(struct call *c)
{
	tmr_cancel(&c->e2ee_timer);
	media_free(c->media);
	c->media = NULL;
	e2ee_free(c->e2ee);
	c->e2ee = NULL;
}
