/* SPDX-License-Identifier: Apache-2.0 */
/* offer and answer: which session an SDP belongs to, and what it does there. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "control/log.h"
#include "control/ng/impl.h"

/* A secret's text: SDP has keys in it. */
void ng_text_free(char *text)
{
	if (text)
		explicit_bzero(text, strlen(text));
	free(text);
}

/* ----------------------------------------------------- who the parties are */

/* "from:sip:alice@example.com|to:sip:bob@example.com" */
static bool metadata(struct pl all, const char *key, char *out, size_t size)
{
	size_t n = strlen(key);

	while (all.l) {
		const char *bar = memchr(all.p, '|', all.l);
		struct pl part = {all.p, bar ? (size_t)(bar - all.p) : all.l};

		if (part.l > n && memcmp(part.p, key, n) == 0) {
			part.p += n;
			part.l -= n;
			return pl_strcpy(&part, out, size) == 0;
		}
		all.p += part.l + (bar ? 1 : 0);
		all.l -= part.l + (bar ? 1 : 0);
	}
	return false;
}

/* What the proxy says who they are; else what can't be mistaken for anybody:
 * no user's name has a space in it. */
static void party(const struct ng_flags *f, const char *key, struct pl tag,
		  char *out, size_t size)
{
	if (!metadata(f->metadata, key, out, size) &&
	    re_snprintf(out, size, "ng tag %r", &tag) < 0)
		out[0] = '\0';
	/* for logs, lists and records */
	for (char *p = out; *p; p++)
		if (*p < ' ' || *p > '~')
			*p = '?';
}

/* E2EE.md has policy decide by who the two parties are. The proxy vouches for
 * that, or nobody does. */
static bool may_be_e2ee(const struct ng *ng, const struct ng_flags *f)
{
	char text[STORE_AOR_MAX];

	return ng->cfg.ng->end_to_end &&
	       metadata(f->metadata, "from:", text, sizeof(text)) &&
	       metadata(f->metadata, "to:", text, sizeof(text));
}

/* ---------------------------------------------------------- which session */

/* The session that an offer is about, and the leg that it comes from. */
static struct ng_session *offered_session(struct ng *ng,
					  const struct ng_flags *f,
					  enum leg *from)
{
	struct ng_session *s = NULL;

	while ((s = ng_session_next(ng, f->call_id, s))) {
		int leg = ng_session_leg(s, f->from_tag);
		const char *other;

		if (leg < 0)
			continue;
		*from = (enum leg)leg;
		other = s->tag[OTHER_LEG(*from)];
		if (f->to_tag.l && ng_session_text_is(other, f->to_tag))
			return s; /* a re-offer in this dialog */
		if (s->branch && f->via_branch.l &&
		    !ng_session_text_is(s->branch, f->via_branch))
			continue;
		/* the same offer once more, and nobody has answered it: after
		 * a challenge, or to the next one in line */
		if (!s->up && *from == LEG_A)
			return s;
	}
	return NULL;
}

/* The session whose open offer this answers. from-tag is the offerer's. */
static struct ng_session *answered_session(struct ng *ng,
					   const struct ng_flags *f,
					   enum leg *offerer)
{
	struct ng_session *s = NULL, *best = NULL;
	int most = 0;

	while ((s = ng_session_next(ng, f->call_id, s))) {
		int leg = ng_session_leg(s, f->from_tag), points = 1;

		if (leg < 0 || !path_awaits_answer_to(s->path, (enum leg)leg))
			continue;
		if (ng_session_text_is(s->tag[OTHER_LEG((enum leg)leg)],
				       f->to_tag))
			points += 8;
		else if (leg == LEG_B)
			continue; /* the caller's tag can't be another one */
		else if (!s->up)
			points += 2;
		if (f->via_branch.l &&
		    ng_session_text_is(s->branch, f->via_branch))
			points += 4;
		if (points <= most)
			continue;
		most = points;
		best = s;
		*offerer = (enum leg)leg;
	}
	return best;
}

/* ------------------------------------------------------------------- offer */

static const char *load_limit(struct ng_request *rq, const char *message)
{
	rq->ng->counts.load_limit++;
	if (!flags_has(&rq->f.supports, "load limit") && rq->f.supports.n)
		return ng_fail(rq, "%s", message);
	json_object_set_new(rq->reply, "message", json_string(message));
	return "load limit";
}

static struct ng_session *session_begin(struct ng_request *rq,
					const struct ng_wish w[2])
{
	const struct media_leg_addr addr[2] = {w[LEG_A].addr, w[LEG_B].addr};
	const struct media_profile profile[2] = {w[LEG_A].profile,
						 w[LEG_B].profile};
	char from[STORE_AOR_MAX], to[STORE_AOR_MAX];
	struct ng_session *s;

	party(&rq->f, "from:", rq->f.from_tag, from, sizeof(from));
	party(&rq->f, "to:", rq->f.to_tag, to, sizeof(to));
	s = ng_session_new(rq->ng, &rq->f, from, to);
	if (!s)
		return NULL;
	s->path = path_new(s->call, addr, profile);
	if (!s->path) {
		ng_session_end(s, CALL_BY_GATEWAY, 500, "no memory");
		return NULL;
	}
	if (!may_be_e2ee(rq->ng, &rq->f))
		path_deny_e2ee(s->path,
			       "The proxy doesn't say who the parties are");
	else if (rq->f.record) /* as with compliance recording */
		path_deny_e2ee(s->path, "The proxy has the call recorded");
	return s;
}

/* The SDP as the call model is to have it. @return NULL with why. */
static char *offer_text(const struct ng_flags *f, struct sdp *s,
			const struct ng_wish *from, struct media_why *why)
{
	char *text = NULL;

	if (ng_edit_needed(f) && ng_edit_offer(s, f, why) != 0)
		return NULL;
	if (!f->sip_source || ng_edit_source(s, &from->addr.peer) == 0)
		text = sdp_print(s);
	if (!text) {
		why->status = 500;
		snprintf(why->text, sizeof(why->text), "Out of memory");
	}
	return text;
}

/* A leg that the proxy says nothing new of stays as it is: a re-offer from the
 * other side would else undo what the first one asked for. */
static bool says_transport(const struct ng_flags *f)
{
	return f->transport.l || f->rtp || f->srtp || f->dtls_srtp || f->ice.l;
}

/* With `record-call`, now or when it is answered. Where that can't be, the call
 * goes on, and the reply says so. */
static void record(struct ng_request *rq, struct ng_session *s)
{
	struct duty_why why = {0};

	s->record = false;
	if (call_record(s->call, true, rq->by, "record-call", &why) != 0)
		json_object_set_new(rq->reply, "warning",
				    json_string(why.text));
}

static const char *offer_on(struct ng_request *rq, struct ng_session *s,
			    enum leg from, const char *sdp, size_t len,
			    const struct ng_wish w[2])
{
	enum leg to = OTHER_LEG(from);
	struct media_profile without = w[to].profile;
	struct media_why why = {0};
	char *out = NULL;

	without.ice = SWITCH_AUTO; /* ICE is offered, and may be left out */
	/* A proxy doesn't say that an offer was refused: the next one says it
	 * for the one before. */
	if (path_may_offer(s->path, from) != 0 && !path_settle(s->path))
		path_decline(s->path);
	if (s->up) {
		path_profile(s->path, from, &w[from].profile);
		if (says_transport(&rq->f))
			path_profile(s->path, to, &w[to].profile);
		path_peer(s->path, from, &w[from].addr.peer);
	} else {
		path_leg(s->path, from, &w[from].addr, &w[from].profile);
		path_leg(s->path, to, &w[to].addr, &w[to].profile);
	}
	path_manner(s->path, from, &w[from].manner);
	path_manner(s->path, to, &w[to].manner);
	if (path_offer(s->path, from, sdp, len, &out, &why) != 0)
		return ng_fail_media(rq, &why);
	if (w[to].profile.ice == SWITCH_ON &&
	    (!s->up || says_transport(&rq->f)))
		path_profile(s->path, to, &without);
	s->signal = time(NULL);
	if (ng_mask_needed(&rq->f))
		out = ng_edit_mask(&rq->f, out);
	if (!out)
		return ng_fail(rq, "Out of memory");
	json_object_set_new(rq->reply, "sdp",
			    json_stringn_nocheck(out, strlen(out)));
	ng_text_free(out);
	return "ok";
}

static const char *offer_parsed(struct ng_request *rq, struct sdp *sdp)
{
	const char *result = NULL;
	struct media_why why = {0};
	struct feature_answer may;
	struct ng_wish wish[2];
	struct ng_session *s;
	enum leg from = LEG_A;
	bool edit, fresh;
	char *text = NULL;

	s = offered_session(rq->ng, &rq->f, &from);
	fresh = !s;
	if (fresh && (rq->ng->stopping || rq->ng->count >= rq->ng->limit ||
		      calls_draining(rq->ng->cfg.calls)))
		return load_limit(rq, "Parallel session limit reached");
	ng_wish_from(rq->ng, &rq->f, sdp, &wish[from]);
	ng_wish_to(rq->ng, &rq->f, sdp, &wish[from], &wish[OTHER_LEG(from)]);
	if (fresh)
		s = session_begin(rq, wish);
	if (!s)
		return ng_fail(rq, "Out of memory");
	if (rq->f.record && call_kind(s->call) == CALL_E2EE) {
		may = call_may(s->call, FEATURE_RECORDING, rq->by, "offer");
		return ng_fail_feature(rq, &may);
	}
	if (rq->f.record && s->up)
		record(rq, s);
	else
		s->record |= rq->f.record;
	if (rq->f.codec_transcode.n) {
		may = call_may(s->call, FEATURE_TRANSCODING, rq->by, "offer");
		if (!may.allowed && call_kind(s->call) == CALL_E2EE)
			return ng_fail_feature(rq, &may);
	}
	edit = ng_edit_needed(&rq->f) || rq->f.sip_source;
	if (edit)
		text = offer_text(&rq->f, sdp, &wish[from], &why);
	if (edit && !text)
		ng_fail_media(rq, &why);
	else
		result = offer_on(rq, s, from, edit ? text : rq->f.sdp.p,
				  edit ? strlen(text) : rq->f.sdp.l, wish);
	ng_text_free(text);
	if (fresh && (!result || strcmp(result, "ok") != 0))
		ng_session_end(s, CALL_BY_GATEWAY, 488,
			       "its offer was refused");
	return result;
}

/* What every offer and answer needs. @return NULL, or what is missing. */
static const char *missing(const struct ng_flags *f, bool answer)
{
	if (!f->sdp.l)
		return "No SDP body in message";
	if (!f->call_id.l)
		return "No call-id in message";
	if (!f->from_tag.l)
		return "No from-tag in message";
	return answer && !f->to_tag.l ? "No to-tag in message" : NULL;
}

struct sdp *ng_sdp_parsed(struct ng_request *rq)
{
	struct sdp_error e;
	struct sdp *s = sdp_parse(rq->f.sdp.p, rq->f.sdp.l, &e);

	if (!s)
		ng_fail(rq, "Failed to parse SDP: line %u: %s", e.line, e.text);
	return s;
}

const char *ng_offer(struct ng_request *rq)
{
	const char *why = missing(&rq->f, false), *result;
	struct sdp *sdp;

	rq->ng->counts.offers++;
	if (why)
		return ng_fail(rq, "%s", why);
	if (rq->f.force_answer)
		return ng_answer(rq);
	sdp = ng_sdp_parsed(rq);
	if (!sdp)
		return NULL;
	result = offer_parsed(rq, sdp);
	sdp_free(sdp);
	return result;
}

/* ------------------------------------------------------------------ answer */

static const char *answer_on(struct ng_request *rq, struct ng_session *s,
			     enum leg offerer, const char *sdp, size_t len)
{
	enum leg from = OTHER_LEG(offerer);
	struct media_why why = {0};
	char *out = NULL;
	bool final;

	/* The protocol doesn't say whether an answer is a 18x's or a 2xx's, so
	 * another may follow. Only where the call may become end-to-end
	 * encrypted it must be known at once: the first one decides. */
	final = path_e2ee(s->path) == E2EE_OFFERED;
	if (path_answer(s->path, from, sdp, len, final, &out, &why) != 0)
		return ng_fail_media(rq, &why);
	s->signal = time(NULL);
	if (from == LEG_B && !ng_session_text_is(s->tag[LEG_B], rq->f.to_tag))
		ng_session_text_set(&s->tag[LEG_B], rq->f.to_tag);
	if (!s->up) {
		s->up = true;
		call_up(s->call, s->path);
	} else {
		call_save(s->call);
	}
	if (rq->f.record || s->record)
		record(rq, s);
	json_object_set_new(rq->reply, "sdp",
			    json_stringn_nocheck(out, strlen(out)));
	ng_text_free(out);
	return "ok";
}

/* Which codecs of the answer pass. @return false: the request has failed. */
static bool tell_codecs(struct ng_request *rq, struct ng_session *s,
			const struct sdp *sdp)
{
	struct media_codecs codecs;
	struct feature_answer may;

	path_told(s->path,
		  ng_edit_answer(&rq->f, sdp, &codecs) ? &codecs : NULL);
	if (!rq->f.codec_transcode.n || call_kind(s->call) != CALL_E2EE)
		return true;
	may = call_may(s->call, FEATURE_TRANSCODING, rq->by, "answer");
	if (!may.allowed)
		ng_fail_feature(rq, &may);
	return may.allowed;
}

static const char *answer_parsed(struct ng_request *rq, struct ng_session *s,
				 enum leg offerer, struct sdp *sdp)
{
	enum leg from = OTHER_LEG(offerer);
	struct media_why why = {0};
	struct ng_wish wish;
	const char *result;
	char *text;

	if (!tell_codecs(rq, s, sdp))
		return NULL;
	ng_wish_from(rq->ng, &rq->f, sdp, &wish);
	path_peer(s->path, from, &wish.addr.peer);
	path_manner(s->path, from, &wish.manner);
	if (!rq->f.sip_source)
		return answer_on(rq, s, offerer, rq->f.sdp.p, rq->f.sdp.l);
	text = ng_edit_source(sdp, &wish.addr.peer) == 0 ? sdp_print(sdp)
							 : NULL;
	if (!text) {
		why.status = 500;
		snprintf(why.text, sizeof(why.text), "Out of memory");
		return ng_fail_media(rq, &why);
	}
	result = answer_on(rq, s, offerer, text, strlen(text));
	ng_text_free(text);
	return result;
}

const char *ng_answer(struct ng_request *rq)
{
	const char *why = missing(&rq->f, true), *result;
	struct ng_session *s;
	enum leg offerer = LEG_A;
	struct sdp *sdp;

	rq->ng->counts.answers++;
	if (why)
		return ng_fail(rq, "%s", why);
	if (!ng_session_next(rq->ng, rq->f.call_id, NULL))
		return ng_fail(rq, "Unknown call-id");
	s = answered_session(rq->ng, &rq->f, &offerer);
	if (!s)
		return ng_fail(rq, "No offer of this call waits for an answer");
	sdp = ng_sdp_parsed(rq);
	if (!sdp)
		return NULL;
	result = answer_parsed(rq, s, offerer, sdp);
	path_told(s->path, NULL); /* the next answer has flags of its own */
	sdp_free(sdp);
	return result;
}
