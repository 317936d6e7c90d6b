/* SPDX-License-Identifier: Apache-2.0 */
/* control/calls/fork.c - which calls are forked, for what; see fork.h. */
#include "control/calls/fork.h"
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include "control/audit/audit.h"
#include "control/calls/impl.h"
#include "control/events.h"
#include "control/log.h"

#define PORTS_MAX 32

const char *const fork_use_names[FORK_USES] = {
	[FORK_TRANSCRIPTION] = "transcription",
	[FORK_CAPTIONS] = "captions",
	[FORK_FORWARDING] = "forwarding",
};

/* The gate's row of each use. */
static const enum feature features[FORK_USES] = {
	[FORK_TRANSCRIPTION] = FEATURE_TRANSCRIPTION,
	[FORK_CAPTIONS] = FEATURE_CAPTIONS,
	[FORK_FORWARDING] = FEATURE_MONITORING,
};

static int no(struct duty_why *why, int status, const char *name,
	      const char *text)
{
	why->status = status;
	why->name = name;
	snprintf(why->text, sizeof(why->text), "%s", text);
	return -1;
}

static json_t *uses_json(unsigned uses)
{
	json_t *list = json_array();

	for (unsigned u = 0; u < FORK_USES; u++)
		if (uses & (1u << u))
			json_array_append_new(list,
					      json_string(fork_use_names[u]));
	return list;
}

/* To people and evidence. */
static void tell(const struct call *c, const char *kind, const char *by,
		 const char *how, const char *reason)
{
	json_t *j = json_pack("{s:I, s:o, s:s?, s:s?, s:s?, s:s, s:s}", "call",
			      (json_int_t)c->id, "uses", uses_json(c->forked),
			      "by", by, "how", how, "reason", reason, "from",
			      c->from, "to", c->to);

	log_info(c->id, "%s%s%s", kind, reason ? ": " : "",
		 reason ? reason : "");
	events_publish(c->all->cfg.events, kind, json_incref(j));
	audit_add(c->all->cfg.audit, kind, j);
}

void call_fork_tell(struct call *c, const char *kind, const char *reason)
{
	tell(c, kind, "fork", "fork", reason);
}

void calls_fork_client(struct calls *cs, const struct fork_client *client,
		       void *arg)
{
	cs->forks = client;
	cs->forks_arg = arg;
}

unsigned call_forked(const struct call *c)
{
	return c->forked;
}

time_t call_answered(const struct call *c)
{
	return c->answered;
}

unsigned call_audio_streams(struct call *c, unsigned legs,
			    struct fork_stream *out, unsigned n)
{
	struct media_port p[PORTS_MAX];
	unsigned ports = media_ports(c->path->media, p, PORTS_MAX), k = 0;

	for (unsigned i = 0; i < ports && k < n; i++) {
		if (strcmp(p[i].kind, "audio") != 0 ||
		    !(legs & (1u << p[i].from)))
			continue;
		out[k] = (struct fork_stream){.from = p[i].from,
					      .stream = p[i].stream,
					      .flows = p[i].flows};
		snprintf(out[k].label, sizeof(out[k].label), "%u",
			 (k + 1) % 1000);
		snprintf(out[k].codec, sizeof(out[k].codec), "%s", p[i].codec);
		k++;
	}
	return k;
}

unsigned call_fork_streams(struct call *c, struct fork_stream out[], unsigned n)
{
	/* who wants nothing else may have asked for one party's only */
	bool all = c->forked & ~(1u << FORK_FORWARDING);

	return call_audio_streams(c, all ? FORK_BOTH : c->forward_from, out, n);
}

/* Tells these streams from others, and which of them flow. */
static void look(struct call *c, uint64_t *streams, unsigned *flows)
{
	struct fork_stream s[FORK_STREAMS_MAX];
	unsigned n = call_fork_streams(c, s, FORK_STREAMS_MAX);

	*streams = n;
	*flows = 0;
	for (unsigned i = 0; i < n; i++) {
		*streams += s[i].stream;
		*flows |= (unsigned)s[i].flows << i;
	}
}

static int begin(struct call *c, struct duty_why *why)
{
	struct calls *cs = c->all;
	struct media_why media;

	if (call_copy(c, &media) != 0)
		return no(why, media.status, "media", media.text);
	look(c, &c->fork_streams, &c->fork_flows);
	c->fork = cs->forks->begin(cs->forks_arg, c);
	return c->fork ? 0 : no(why, 500, "internal", "Out of memory");
}

/* Nobody wants it any more. */
static void let_go(struct call *c)
{
	struct media_why media;

	if (c->fork && c->all->forks)
		c->all->forks->end(c->fork);
	c->fork = NULL;
	c->forked = c->forward_from = 0;
	if (c->state != CALL_UP || !c->path)
		return;
	call_copy(c, &media);
	notice_look(c);
}

static int stop(struct call *c, enum fork_use use, const char *by,
		const char *how)
{
	if (!(c->forked & (1u << use)))
		return 0;
	tell(c, "fork-stopped", by, how, NULL);
	c->forked &= ~(1u << use);
	if (use == FORK_FORWARDING)
		c->forward_from = 0;
	if (!c->forked)
		let_go(c);
	else
		fork_changed(c); /* fewer streams, maybe */
	call_save(c);
	return 0;
}

/* One use came to nothing; what the others have stays. */
static void take_back(struct call *c, enum fork_use use)
{
	c->forked &= ~(1u << use);
	if (!c->forked)
		let_go(c);
}

int call_fork(struct call *c, enum fork_use use, bool on, const char *by,
	      const char *how, struct duty_why *why)
{
	struct feature_answer may;

	if (!on)
		return stop(c, use, by, how);
	may = call_may(c, features[use], by, how);
	if (!may.allowed)
		return no(why, may.status, may.error, may.reason);
	if (!c->all->forks)
		return no(why, 503, "no-recorder",
			  "No recorder or speech service is configured");
	if (!duties_up(c->all->cfg.duties, why))
		return -1;
	if (c->state != CALL_UP)
		return no(why, 409, "not-up", "The call isn't answered yet");
	if (c->forked & (1u << use))
		return 0;
	c->forked |= 1u << use;
	if ((!c->fork && begin(c, why) != 0) ||
	    (strcmp(by, CALL_POLICY) != 0 && notice_give(c, why) != 0)) {
		take_back(c, use);
		return -1;
	}
	tell(c, "fork-started", by, how, NULL);
	fork_changed(c); /* more streams, maybe */
	call_save(c);
	return 0;
}

int call_forward(struct call *c, unsigned legs, bool on, const char *by,
		 const char *how, struct duty_why *why)
{
	unsigned before = c->forward_from;

	c->forward_from = on ? before | legs : before & ~legs;
	if (!c->forward_from)
		return call_fork(c, FORK_FORWARDING, false, by, how, why);
	if (!before) {
		if (call_fork(c, FORK_FORWARDING, true, by, how, why) == 0)
			return 0;
		c->forward_from = 0;
		return -1;
	}
	fork_changed(c);
	call_save(c);
	return 0;
}

int calls_fork(struct calls *cs, uint64_t id, enum fork_use use, bool on,
	       const char *by, struct duty_why *why)
{
	struct call *c = calls_find(cs, id);

	if (!c)
		return ENOENT;
	return call_fork(c, use, on, by, "API", why) == 0 ? 0 : EPERM;
}

void call_fork_over(struct call *c, const char *reason)
{
	c->fork = NULL; /* the client has let go of it */
	tell(c, "fork-failed", "fork", "fork", reason);
	let_go(c);
	call_save(c);
}

void fork_up(struct call *c)
{
	const struct fork_client *f = c->all->forks;
	struct duty_why why;

	if (!f || call_kind(c) != CALL_ORDINARY ||
	    !(f->wanted(c->all->forks_arg, c->from) ||
	      f->wanted(c->all->forks_arg, c->to)))
		return;
	if (call_fork(c, FORK_TRANSCRIPTION, true, CALL_POLICY, "configuration",
		      &why) != 0)
		tell(c, "fork-failed", CALL_POLICY, "configuration", why.text);
}

void fork_changed(struct call *c)
{
	uint64_t streams;
	unsigned flows;

	if (!c->fork || !c->all->forks || c->state != CALL_UP)
		return;
	look(c, &streams, &flows);
	if (streams != c->fork_streams) {
		/* other m-lines are another recording session */
		c->all->forks->end(c->fork);
		c->fork_streams = streams;
		c->fork_flows = flows;
		c->fork = c->all->forks->begin(c->all->forks_arg, c);
	} else if (flows != c->fork_flows) {
		c->fork_flows = flows;
		c->all->forks->changed(c->fork);
	}
}

void fork_end(struct call *c)
{
	if (!c->forked)
		return;
	tell(c, "fork-stopped", "the end of the call", "call ended", NULL);
	let_go(c);
}

json_t *fork_describe(const struct call *c)
{
	json_t *j;

	if (!c->forked)
		return json_null();
	j = c->fork && c->all->forks ? c->all->forks->describe(c->fork)
				     : json_object();
	json_object_set_new(j, "uses", uses_json(c->forked));
	return j;
}

void fork_save(const struct call *c, json_t *j)
{
	if (!c->forked)
		return;
	json_object_set_new(j, "forked", json_integer(c->forked));
	json_object_set_new(j, "forward", json_integer(c->forward_from));
	if (c->fork && c->all->forks)
		json_object_set_new(j, "fork", c->all->forks->save(c->fork));
}

void fork_load(struct call *c, const json_t *j)
{
	const json_t *saved = json_object_get(j, "fork");
	struct duty_why why;

	c->forked = (unsigned)json_integer_value(json_object_get(j, "forked")) &
		    ((1u << FORK_USES) - 1);
	c->forward_from =
		(unsigned)json_integer_value(json_object_get(j, "forward")) &
		FORK_BOTH;
	if (!c->all->forks)
		c->forked = 0;
	if (!c->forked)
		return;
	if (saved)
		c->all->forks->forget(c->all->forks_arg, saved);
	if (begin(c, &why) != 0)
		let_go(c);
}
