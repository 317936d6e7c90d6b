/* SPDX-License-Identifier: Apache-2.0 */
/* Sessions: the table by call-id, finding one, and its end. */
#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "control/log.h"
#include "control/ng/impl.h"

static struct list *bucket_of(struct ng *ng, struct pl call_id)
{
	uint64_t h = 0;

	/* call-ids are strangers' choice: a keyed hash */
	crypto_shorthash((unsigned char *)&h, (const unsigned char *)call_id.p,
			 call_id.l, ng->secret);
	return &ng->sessions[h & (NG_BUCKETS - 1)];
}

bool ng_session_text_is(const char *kept, struct pl text)
{
	return kept && text.l && strlen(kept) == text.l &&
	       memcmp(kept, text.p, text.l) == 0;
}

bool ng_session_text_set(char **kept, struct pl text)
{
	char *copy = malloc(text.l + 1);

	if (!copy)
		return false;
	memcpy(copy, text.p, text.l);
	copy[text.l] = '\0';
	free(*kept);
	*kept = copy;
	return true;
}

struct ng_session *ng_session_next(struct ng *ng, struct pl call_id,
				   const struct ng_session *s)
{
	struct le *le = s ? s->le.next : list_head(bucket_of(ng, call_id));

	for (; le; le = le->next) {
		struct ng_session *found = le->data;

		if (ng_session_text_is(found->call_id, call_id))
			return found;
	}
	return NULL;
}

int ng_session_leg(const struct ng_session *s, struct pl tag)
{
	if (ng_session_text_is(s->tag[LEG_A], tag))
		return LEG_A;
	return ng_session_text_is(s->tag[LEG_B], tag) ? LEG_B : -1;
}

static void session_destructor(void *arg)
{
	struct ng_session *s = arg;

	if (s->le.list)
		s->ng->count--;
	list_unlink(&s->le);
	list_unlink(&s->waiting);
	list_unlink(&s->dialling);
	free(s->call_id);
	free(s->branch);
	free(s->tag[LEG_A]);
	free(s->tag[LEG_B]);
}

struct ng_session *ng_session_new(struct ng *ng, const struct ng_flags *f,
				  const char *from, const char *to)
{
	struct ng_session *s = mem_zalloc(sizeof(*s), session_destructor);
	bool ok;

	if (!s)
		return NULL;
	s->ng = ng;
	ok = ng_session_text_set(&s->call_id, f->call_id) &&
	     ng_session_text_set(&s->tag[LEG_A], f->from_tag) &&
	     (!f->to_tag.l || ng_session_text_set(&s->tag[LEG_B], f->to_tag)) &&
	     (!f->via_branch.l ||
	      ng_session_text_set(&s->branch, f->via_branch));
	if (ok && from)
		s->call = call_new(ng->cfg.calls, &ng_call_door, s, from, to);
	if (!ok || (from && !s->call))
		return mem_deref(s);
	s->created = s->signal = time(NULL);
	list_append(bucket_of(ng, f->call_id), &s->le, s);
	ng->count++;
	return s;
}

void ng_session_end(struct ng_session *s, enum call_by by, int status,
		    const char *reason)
{
	struct ng *ng = s->ng;

	ng->counts.sessions++;
	ng->counts.answered += s->up;
	ng->counts.ended_by_gateway += by == CALL_BY_GATEWAY;
	ng->counts.seconds += (uint64_t)(time(NULL) - s->created);
	if (!s->up)
		path_free(s->path);
	call_end(s->call, by, status, reason);
	mem_deref(s);
}

/* How well a session fits: both tags, one of them, and the branch. */
static int fit(const struct ng_session *s, const struct ng_flags *f)
{
	int leg = ng_session_leg(s, f->from_tag);
	int points = 1;

	if (f->from_tag.l && leg < 0)
		return 0;
	if (f->to_tag.l && f->from_tag.l &&
	    ng_session_text_is(s->tag[OTHER_LEG((enum leg)leg)], f->to_tag))
		points += 4;
	else if (f->to_tag.l && !f->from_tag.l &&
		 ng_session_leg(s, f->to_tag) >= 0)
		points += 4;
	else if (f->to_tag.l)
		return 0;
	if (f->via_branch.l && ng_session_text_is(s->branch, f->via_branch))
		points += 2;
	return points;
}

struct ng_session *ng_session_wanted(struct ng_request *rq, enum leg *leg)
{
	struct ng_session *s = NULL, *best = NULL;
	int points, most = 0;

	if (!rq->f.call_id.l) {
		ng_fail(rq, "No call-id in message");
		return NULL;
	}
	while ((s = ng_session_next(rq->ng, rq->f.call_id, s))) {
		points = fit(s, &rq->f);
		points += points && s->up ? 1 : 0;
		if (points <= most)
			continue;
		most = points;
		best = s;
	}
	if (!best) {
		ng_fail(rq, "Unknown call-id");
		return NULL;
	}
	*leg = rq->f.from_tag.l ? (enum leg)ng_session_leg(best, rq->f.from_tag)
				: LEG_A;
	return best;
}

/* ------------------------------------------------- for the call model */

static void hangup(void *arg, int status, const char *reason)
{
	/* The protocol has no word by which a media proxy says so; the SIP
	 * proxy finds the call gone when it asks. */
	ng_session_end(arg, CALL_BY_GATEWAY, status, reason);
}

/* What isn't UTF-8 can't be shown. */
static json_t *shown(const char *text)
{
	json_t *j = text ? json_string(text) : NULL;

	return j ? j : json_null();
}

static void describe(void *arg, json_t *call)
{
	const struct ng_session *s = arg;

	json_object_set_new(call, "call_id", shown(s->call_id));
	json_object_set_new(call, "tags",
			    json_pack("[o, o]", shown(s->tag[LEG_A]),
				      shown(s->tag[LEG_B])));
}

const struct call_door ng_call_door = {
	.name = "ng",
	.hangup = hangup,
	.save = ng_session_save,
	.load = ng_session_load,
	.describe = describe,
};
