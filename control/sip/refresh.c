/* SPDX-License-Identifier: Apache-2.0 */
/* control/sip/refresh.c - session timers: a call whose peers have vanished
 * ends. RFC 4028.
 *
 * Each leg has its own, as each is a dialog of its own. Where the peer leaves
 * it open, we refresh: what isn't answered then is noticed here. By UPDATE
 * where the peer takes it, else by a re-INVITE with the session description
 * that it has from us, to the octet, so nothing changes. A peer that doesn't
 * know session timers has none; its media's silence ends the call. */
#include <stdlib.h>
#include <string.h>
#include "control/log.h"
#include "control/sip/door.h"

#define RFC_MIN_SE 90 /* where a peer names none */

static const struct config_sip *config_of(const struct session *s)
{
	return s->br->b->d->cfg.sip;
}

/* What a message says. refresher: 'c' uac, 's' uas, 0 not said. */
static bool read_expires(const struct sip_msg *m, uint32_t *secs,
			 char *refresher)
{
	const struct sip_hdr *hdr = sip_msg_hdr(m, SIP_HDR_SESSION_EXPIRES);
	struct pl number, params, who;

	*refresher = 0;
	if (!hdr ||
	    re_regex(hdr->val.p, hdr->val.l, "[0-9]+[^]*", &number, &params) ||
	    number.p != hdr->val.p || !message_number(&number, secs))
		return false;
	if (!msg_param_decode(&params, "refresher", &who))
		*refresher = !pl_strcasecmp(&who, "uac")   ? 'c'
			     : !pl_strcasecmp(&who, "uas") ? 's'
							   : 0;
	return true;
}

static uint32_t read_min(const struct sip_msg *m)
{
	const struct sip_hdr *hdr = sip_msg_hdr(m, SIP_HDR_MIN_SE);
	uint32_t n;

	return hdr && message_number(&hdr->val, &n) && n < 86400 ? n : 0;
}

bool refresh_refuse(struct door *d, struct listener *l, const struct sip_msg *m)
{
	struct answer a = {.status = 422};
	uint32_t secs;
	struct mbuf *mb;
	char who;

	if (!read_expires(m, &secs, &who) || secs >= d->cfg.sip->min_se)
		return false;
	mb = mbuf_alloc(32);
	if (mb && !mbuf_printf(mb, "Min-SE: %u\r\n", d->cfg.sip->min_se)) {
		a.headers = mb;
		door_reply(d, l, m, &a);
	}
	mem_deref(mb);
	return true;
}

/* The timer */

static void lapse(void *arg);
static void refresh(void *arg);

static void arm(struct session *s)
{
	uint64_t ms = s->se.interval * 1000ull;
	uint64_t margin = ms / 3 < 32000 ? ms / 3 : 32000; /* section 10 */

	timer_cancel(&s->se.timer);
	if (!ms)
		return;
	s->se.lapses = tmr_jiffies() + ms - margin;
	if (s->se.ours)
		timer_start(&s->se.timer, ms / 2, refresh, s);
	else
		timer_start(&s->se.timer, ms - margin, lapse, s);
}

static void lapse(void *arg)
{
	struct session *s = arg;
	struct bridge *b = s->br->b;

	bridge_end(b, CALL_BY_GATEWAY, 408, "the session was not refreshed",
		   NULL);
	bridge_tidy(b);
}

/* Some time later, several times before it lapses; not in step with a peer that
 * was refused for our sake. */
static uint64_t a_while(const struct session *s)
{
	uint64_t ms = s->se.interval * 50ull;

	return (ms < 2000 ? ms : 2000) * (1 + rand_u16() % 3);
}

static void again(struct session *s, uint64_t ms)
{
	if (tmr_jiffies() + ms >= s->se.lapses)
		lapse(s);
	else
		timer_start(&s->se.timer, ms, refresh, s);
}

int refresh_answer(struct session *s, const struct sip_msg *m, struct mbuf *mb)
{
	const struct config_sip *cfg = config_of(s);
	bool knows = message_lists(m, SIP_HDR_SUPPORTED, "timer");
	uint32_t secs, min = read_min(m);
	char who;
	int err;

	if (!read_expires(m, &secs, &who)) {
		if (!knows) {
			s->se.interval = 0;
			arm(s);
			return 0;
		}
		secs = cfg->session_expires;
	}
	if (min < cfg->min_se)
		min = cfg->min_se;
	if (secs > cfg->session_expires)
		secs = cfg->session_expires;
	s->se.interval = secs < min ? min : secs;
	s->se.ours = !knows || who != 'c';
	arm(s);
	err = mbuf_printf(mb, "Session-Expires: %u;refresher=%s\r\n",
			  s->se.interval, s->se.ours ? "uas" : "uac");
	return err | mbuf_write_str(mb, s->se.ours ? "Supported: timer\r\n"
						   : "Require: timer\r\n");
}

int refresh_offer(const struct session *s, struct mbuf *mb)
{
	const struct config_sip *cfg = config_of(s);
	bool first = !s->dlg.remote_tag;
	uint32_t secs = first ? cfg->session_expires : s->se.interval;
	int err = mbuf_write_str(mb, "Supported: timer\r\n");

	if (!secs) /* it didn't want one */
		return err;
	if (secs < s->se.min)
		secs = s->se.min;
	err |= mbuf_printf(mb, "Session-Expires: %u%s\r\n", secs,
			   first	? ""
			   : s->se.ours ? ";refresher=uac"
					: ";refresher=uas");
	if (s->se.min || cfg->min_se != RFC_MIN_SE)
		err |= mbuf_printf(mb, "Min-SE: %u\r\n",
				   s->se.min > cfg->min_se ? s->se.min
							   : cfg->min_se);
	return err;
}

void refresh_agreed(struct session *s, const struct sip_msg *m)
{
	uint32_t secs;
	char who;

	if (!read_expires(m, &secs, &who) || secs > 86400)
		secs = 0;
	s->se.interval = secs;
	s->se.ours = who != 's';
	arm(s);
}

bool refresh_too_short(struct session *s, const struct sip_msg *m)
{
	uint32_t min = read_min(m);

	if (m->scode != 422 || min <= s->se.min)
		return false;
	s->se.min = min;
	if (s->se.interval && s->se.interval < min)
		s->se.interval = min;
	return true;
}

/* Refreshing */

static void answered(int err, const struct sip_msg *m, void *arg);

/* An INVITE would meet another offer, or one that isn't finished. */
static bool offer_is_due(const struct session *s)
{
	const struct branch *br = s->br;

	return br->re || s->confirm || s->owes_ack || s->reoffer ||
	       path_may_offer(br->path, s->side);
}

static int send_refresh(struct session *s, bool invite)
{
	const char *method = invite ? "INVITE" : "UPDATE";
	const char *sdp = invite ? s->se.sdp : NULL;
	struct mbuf *mb;
	int err;

	s->se.invite = invite;
	mb = session_headers(s, method, dialog_next(&s->dlg), 70);
	err = mb ? allow_print(mb, s->br->s[OTHER_LEG(s->side)]->methods) : -1;
	if (!err)
		err = refresh_offer(s, mb);
	if (!err)
		err = session_body(mb, sdp ? "application/sdp" : NULL, sdp,
				   sdp ? strlen(sdp) : 0);
	if (!err)
		err = session_send(s, &s->se.ct, method, mb, answered, s);
	mem_deref(mb);
	return err;
}

static void refresh(void *arg)
{
	struct session *s = arg;
	struct branch *br = s->br;
	bool invite = !(s->methods & METHOD_UPDATE);

	if (!br->b->call || br->b->up != br || s->se.ct)
		return;
	if (invite && !s->se.sdp) {
		/* After a restart: its keys are nowhere but in the dataplane.
		 * The peer will say whether it still minds. */
		log_info(call_id(br->b->call),
			 "a phone without UPDATE can't be refreshed");
		return;
	}
	if ((invite && offer_is_due(s)) || send_refresh(s, invite))
		again(s, a_while(s));
}

static void answered(int err, const struct sip_msg *m, void *arg)
{
	struct session *s = arg;

	(void)err;
	if (m && m->scode < 200)
		return;
	if (!s->br->b->call)
		return;
	if (!m || m->scode == 408 || m->scode == 481) {
		lapse(s);
		return;
	}
	session_heard(s, m);
	if (m->scode < 300) {
		dialog_refresh(&s->dlg, m);
		if (s->se.invite)
			session_ack(s, m->cseq.num, NULL);
		refresh_agreed(s, m);
		call_save(s->br->b->call);
	} else if (refresh_too_short(s, m)) {
		again(s, 0);
	} else if (!s->se.invite && (m->scode == 405 || m->scode == 501)) {
		s->methods &= ~(unsigned)METHOD_UPDATE;
		again(s, 0);
	} else { /* it is there, and can't now (491, 500 ...) */
		again(s, a_while(s));
	}
}

bool refresh_inviting(const struct branch *br)
{
	for (enum leg l = LEG_A; l <= LEG_B; l++)
		if (br->s[l]->se.ct && br->s[l]->se.invite)
			return true;
	return false;
}

void session_said(struct session *s, const char *sdp)
{
	char *copy = NULL;

	if (!sdp)
		return;
	if (!(s->methods & METHOD_UPDATE))
		str_dup(&copy, sdp);
	if (s->se.sdp)
		explicit_bzero(s->se.sdp, strlen(s->se.sdp));
	mem_deref(s->se.sdp);
	s->se.sdp = copy;
}

void refresh_stop(struct session *s)
{
	timer_cancel(&s->se.timer);
	ctxn_drop(s->se.ct);
	if (s->se.sdp)
		explicit_bzero(s->se.sdp, strlen(s->se.sdp));
	s->se.sdp = mem_deref(s->se.sdp);
}

void refresh_restored(struct session *s)
{
	arm(s);
}
