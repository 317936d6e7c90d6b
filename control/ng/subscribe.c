/* SPDX-License-Identifier: Apache-2.0 */
/* subscribe request, subscribe answer, unsubscribe: somebody beside the two
 * parties gets a copy of what they say. The call model has what is heard; here
 * is whom the request means, and the words of the reply. */
#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "control/calls/subscription.h"
#include "control/ng/impl.h"

#define TAG_OCTETS 8 /* random, of a tag that is made here */

/* ------------------------------------------------------ whom it is about */

/* The session of one of these tags; none: any. One that is up comes first. */
static struct ng_session *session_of(struct ng *ng, const struct ng_flags *f,
				     struct pl tag)
{
	struct ng_session *s = NULL, *found = NULL;

	while ((s = ng_session_next(ng, f->call_id, s))) {
		if (tag.l && ng_session_leg(s, tag) < 0)
			continue;
		if (!found || (s->up && !found->up))
			found = s;
	}
	return found;
}

/* *hears: the legs that are to be heard. @return NULL: the request has failed. */
static struct ng_session *heard(struct ng_request *rq, unsigned *hears)
{
	const struct flags_list *tags = &rq->f.from_tags;
	struct pl first = rq->f.from_tag;
	struct ng_session *s;

	if (!first.l && tags->n)
		first = tags->v[0];
	if (!rq->f.call_id.l || (!first.l && !rq->f.all)) {
		ng_fail(rq, rq->f.call_id.l ? "No from-tag in message"
					    : "No call-id in message");
		return NULL;
	}
	s = session_of(rq->ng, &rq->f, first);
	if (!s) {
		ng_fail(rq, "Unknown call-id");
		return NULL;
	}
	*hears = rq->f.all ? FORK_BOTH : 1u << ng_session_leg(s, first);
	for (unsigned i = 0; i < tags->n; i++) {
		int leg = ng_session_leg(s, tags->v[i]);

		if (leg < 0) {
			ng_fail(rq, "One of from-tags is no party of this "
				    "call");
			return NULL;
		}
		*hears |= 1u << leg;
	}
	return s;
}

/* The session that has a subscription of this name. */
static struct ng_session *subscribed(struct ng_request *rq)
{
	struct ng_session *s = NULL;

	if (!rq->f.call_id.l || !rq->f.to_tag.l) {
		ng_fail(rq, rq->f.call_id.l ? "No to-tag in message"
					    : "No call-id in message");
		return NULL;
	}
	while ((s = ng_session_next(rq->ng, rq->f.call_id, s)))
		if (call_subscribed(s->call, rq->f.to_tag))
			return s;
	ng_fail(rq, "Unknown to-tag: there is no such subscription");
	return NULL;
}

/* ---------------------------------------------------------------- replies */

static json_t *tag_json(struct pl tag)
{
	return json_stringn_nocheck(tag.p, tag.l);
}

/* A stream's m-line in the call, as `tag-medias` shows it. */
static json_t *medium_json(const struct fork_stream *st,
			   const struct media_info info[], unsigned n)
{
	static const char *const dirs[] = {"inactive", "recvonly", "sendonly",
					   "sendrecv"};

	for (unsigned i = 0; i < n; i++)
		if (info[i].stream[st->from] == st->stream)
			return json_pack("{s:i, s:s, s:s, s:s}", "index",
					 (int)i + 1, "type", info[i].kind,
					 "label", st->label, "mode",
					 dirs[info[i].dir[st->from] & 3]);
	return json_pack("{s:s, s:s}", "type", "audio", "label", st->label);
}

/* Who is on which m-line of the offer. */
static void describe(struct ng_request *rq, struct ng_session *s, struct pl tag,
		     unsigned hears)
{
	struct fork_stream st[FORK_STREAMS_MAX];
	struct media_info info[NG_MEDIA_MAX];
	unsigned n = path_describe(s->path, info, NG_MEDIA_MAX);
	unsigned k =
		call_subscription_streams(s->call, tag, st, FORK_STREAMS_MAX);
	json_t *tags = json_array(), *all = json_array(),
	       *labels = json_object();

	for (int x = LEG_A; x <= LEG_B; x++) {
		struct pl party = {s->tag[x],
				   s->tag[x] ? strlen(s->tag[x]) : 0};
		json_t *medias = json_array();

		for (unsigned i = 0; i < k; i++) {
			json_t *m;

			if (st[i].from != (enum leg)x)
				continue;
			m = medium_json(&st[i], info, n);
			json_array_append(medias, m);
			json_object_set_new(m, "tag", tag_json(party));
			json_object_set_new(labels, st[i].label, m);
		}
		if (hears & (1u << x)) {
			json_array_append_new(tags, tag_json(party));
			json_array_append_new(all,
					      json_pack("{s:o, s:O}", "tag",
							tag_json(party),
							"medias", medias));
		}
		json_decref(medias);
	}
	if (json_array_size(tags) == 1)
		json_object_set(rq->reply, "from-tag", json_array_get(tags, 0));
	json_object_set_new(rq->reply, "from-tags", tags);
	json_object_set_new(rq->reply, "to-tag", tag_json(tag));
	json_object_set_new(rq->reply, "tag-medias", all);
	json_object_set_new(rq->reply, "media-labels", labels);
}

/* --------------------------------------------------------------- commands */

/* Where the copy goes: by default, as what it is a copy of. */
static void wish(struct ng_request *rq, struct ng_session *s, unsigned hears,
		 struct ng_wish *w)
{
	struct media_info info[NG_MEDIA_MAX];
	unsigned n = path_describe(s->path, info, NG_MEDIA_MAX), i = 0;

	while (i + 1 < n && !info[i].active)
		i++;
	if (!n)
		memset(&info[0], 0, sizeof(info[0]));
	ng_wish_subscriber(rq->ng, &rq->f, &info[i],
			   hears & (1u << LEG_A) ? LEG_A : LEG_B, w);
}

/* The tag of the request, or one that nobody else has. */
static struct pl own_tag(const struct ng_flags *f, char buf[2 * TAG_OCTETS + 1])
{
	uint8_t octets[TAG_OCTETS];

	if (f->to_tag.l)
		return f->to_tag;
	randombytes_buf(octets, sizeof(octets));
	sodium_bin2hex(buf, 2 * TAG_OCTETS + 1, octets, sizeof(octets));
	return (struct pl){buf, 2 * TAG_OCTETS};
}

/* One of that name about another session of the call. */
static void drop_elsewhere(struct ng_request *rq, const struct ng_session *than,
			   struct pl tag)
{
	struct ng_session *s = NULL;

	while ((s = ng_session_next(rq->ng, rq->f.call_id, s)))
		if (s != than && s->up)
			call_unsubscribe(s->call, tag, rq->by);
}

static const char *subscribe(struct ng_request *rq, struct ng_session *s,
			     struct pl tag, unsigned hears)
{
	struct subscription_wish w = {.tag = tag,
				      .hears = hears,
				      .by = rq->by,
				      .how = "subscribe request"};
	struct duty_why why = {0};
	struct ng_wish to;
	char *sdp;

	wish(rq, s, hears, &to);
	w.to = to.addr;
	w.profile = to.profile;
	if (call_subscribe(s->call, &w, &sdp, &why) != 0)
		return ng_fail_duty(rq, FEATURE_MONITORING, &why);
	drop_elsewhere(rq, s, tag);
	sdp = ng_edit_own(&rq->f, sdp);
	if (!sdp) {
		call_unsubscribe(s->call, tag, rq->by);
		return ng_fail(rq, "Out of memory");
	}
	describe(rq, s, tag, hears);
	json_object_set_new(rq->reply, "sdp",
			    json_stringn_nocheck(sdp, strlen(sdp)));
	ng_text_free(sdp);
	return "ok";
}

const char *ng_subscribe_request(struct ng_request *rq)
{
	char buf[2 * TAG_OCTETS + 1];
	struct ng_session *s;
	unsigned hears = 0;
	struct pl tag;

	s = heard(rq, &hears);
	if (!s)
		return NULL;
	if (!s->up)
		return ng_fail(rq, "The call hasn't been answered yet");
	tag = own_tag(&rq->f, buf);
	if (ng_session_leg(s, tag) >= 0)
		return ng_fail(rq, "This to-tag is a party's");
	return subscribe(rq, s, tag, hears);
}

const char *ng_subscribe_answer(struct ng_request *rq)
{
	struct duty_why why = {0};
	struct ng_session *s;
	struct ng_wish from;
	struct sdp *sdp;
	char *text;
	int err;

	if (!rq->f.sdp.l)
		return ng_fail(rq, "No SDP body in message");
	s = subscribed(rq);
	sdp = s ? ng_sdp_parsed(rq) : NULL;
	if (!sdp)
		return NULL;
	ng_wish_from(rq->ng, &rq->f, sdp, &from);
	err = rq->f.sip_source ? ng_edit_source(sdp, &from.addr.peer) : 0;
	text = err ? NULL : sdp_print(sdp);
	sdp_free(sdp);
	if (!text)
		return ng_fail(rq, "Out of memory");
	err = call_subscription_answer(s->call, rq->f.to_tag, &from.addr.peer,
				       text, strlen(text), rq->by, &why);
	ng_text_free(text);
	return err ? ng_fail_duty(rq, FEATURE_MONITORING, &why) : "ok";
}

const char *ng_unsubscribe(struct ng_request *rq)
{
	struct ng_session *s = subscribed(rq);

	if (!s)
		return NULL;
	call_unsubscribe(s->call, rq->f.to_tag, rq->by);
	return "ok";
}
