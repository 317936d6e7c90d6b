/* SPDX-License-Identifier: Apache-2.0 */
/* control/calls/path.c - offer and answer over both legs of a call. */
#include <errno.h>
#include <stdio.h>
#include "control/calls/impl.h"

static void path_destructor(void *arg)
{
	struct path *p = arg;

	solo_gone(p);
	if (p->media)
		media_free(p->media);
}

static void changed(void *arg)
{
	struct path *p = arg;

	if (p->call && p->call->path == p)
		call_save(p->call);
}

struct path *path_new(struct call *c, const struct media_leg_addr addr[2],
		      const struct media_profile profile[2])
{
	struct path *p = mem_zalloc(sizeof(*p), path_destructor);

	if (!p)
		return NULL;
	p->call = c;
	p->media = media_new(c->all->cfg.dp, c->id, addr, profile);
	if (!p->media)
		return mem_deref(p);
	media_on_change(p->media, changed, p);
	media_duties(p->media, c->all->cfg.duties);
	if (features_may(CALL_ORDINARY, FEATURE_MUSIC).allowed)
		media_music(p->media, c->all->cfg.music);
	call_ask_policy(c, p->media);
	return p;
}

int path_heir(struct path *p, enum leg l, const struct path *other,
	      enum leg was)
{
	return media_heir(p->media, l, other->media, was) ? ENOMEM : 0;
}

struct path *path_load(struct call *c, const char *json)
{
	struct path *p = mem_zalloc(sizeof(*p), path_destructor);

	if (!p)
		return NULL;
	p->call = c;
	p->negotiated = true;
	p->media = media_load(c->all->cfg.dp, json);
	if (!p->media)
		return mem_deref(p);
	media_on_change(p->media, changed, p);
	media_duties(p->media, c->all->cfg.duties);
	media_restored(p->media);
	return p;
}

void path_free(struct path *p)
{
	mem_deref(p);
}

void path_leg(struct path *p, enum leg l, const struct media_leg_addr *addr,
	      const struct media_profile *profile)
{
	media_leg(p->media, l, addr, profile);
}

void path_peer(struct path *p, enum leg l, const struct sp_addr *peer)
{
	media_peer(p->media, l, peer);
}

void path_manner(struct path *p, enum leg l, const struct media_manner *how)
{
	media_manner(p->media, l, how);
}

int path_block(struct path *p, enum leg from, bool blocked,
	       struct media_why *why)
{
	int err = media_block(p->media, from, blocked, why);

	if (!err && p == p->call->path)
		fork_changed(p->call);
	return err;
}

/* The call's media may be others. */
static void media_changed(struct path *p)
{
	if (p != p->call->path)
		return;
	recording_changed(p->call);
	fork_changed(p->call);
	subscriptions_changed(p->call);
	notice_look(p->call);
}

unsigned path_describe(struct path *p, struct media_info info[], unsigned n)
{
	return media_describe(p->media, info, n);
}

int path_insert(struct path *p, enum leg to, enum media_insert what,
		const char *file, bool loop, struct media_why *why)
{
	return media_insert(p->media, to, what, file, loop, why);
}

enum media_insert path_insert_at(const struct path *p, enum leg to)
{
	return media_insert_at(p->media, to);
}

int path_no_digits(struct path *p, enum leg from, bool none,
		   struct media_why *why)
{
	return media_no_digits(p->media, from, none, why);
}

int path_digits(struct path *p, enum leg to, const char *digits, unsigned ms,
		struct media_why *why)
{
	return media_digits(p->media, to, digits, ms, why);
}

void path_deny_e2ee(struct path *p, const char *reason)
{
	media_allow_e2ee(p->media, false, reason);
}

int path_may_offer(const struct path *p, enum leg from)
{
	if (!p->open)
		return 0;
	return p->offerer == from ? 500 : 491;
}

bool path_awaits_answer_to(const struct path *p, enum leg from)
{
	return p->open && p->offerer == from;
}

bool path_negotiated(const struct path *p)
{
	return p->negotiated;
}

void path_profile(struct path *p, enum leg l,
		  const struct media_profile *profile)
{
	media_set_profile(p->media, l, profile);
}

void path_told(struct path *p, const struct media_codecs *codecs)
{
	media_told(p->media, codecs);
}

int path_offer(struct path *p, enum leg from, const char *sdp, size_t len,
	       char **out, struct media_why *why)
{
	int err = media_offer(p->media, from, sdp, len, out, why);

	if (err)
		return err;
	p->open = true;
	p->offerer = from;
	p->answered = false;
	solo_heard(p, from, *out);
	p->call->e2ee_offered |= media_e2ee(p->media) == E2EE_OFFERED;
	return 0;
}

/* The gate's word for what can't be transcoded. */
static void ask_transcoding(struct path *p, enum leg from,
			    struct media_why *why)
{
	struct feature_answer a;

	if (!why->no_codec || call_kind(p->call) != CALL_E2EE)
		return;
	a = call_may(p->call, FEATURE_TRANSCODING, call_party(p->call, from),
		     "an answer without a common codec");
	if (a.allowed)
		return;
	why->status = a.status;
	snprintf(why->text, sizeof(why->text), "%s", a.reason);
}

int path_answer(struct path *p, enum leg from, const char *sdp, size_t len,
		bool final, char **out, struct media_why *why)
{
	int err;

	*out = NULL;
	/* E2EE.md: where there is an M1, SDP in 18x is ignored. Nothing flows
	 * before it is known whether the flows are to bear the mark. */
	if (!final && media_e2ee(p->media) == E2EE_OFFERED)
		return 0;
	why->no_codec = false;
	err = media_answer(p->media, from, sdp, len, out, why);
	if (err) {
		ask_transcoding(p, from, why);
		return err;
	}
	media_changed(p);
	p->answered = true;
	p->negotiated = true;
	if (final) {
		p->open = false;
		media_settle(p->media);
	}
	return 0;
}

bool path_settle(struct path *p)
{
	if (p->open && !p->answered)
		return false;
	p->open = false;
	media_settle(p->media);
	return true;
}

void path_decline(struct path *p)
{
	if (!p->open)
		return;
	p->open = false;
	/* What an early answer committed is put back as well. */
	media_rollback(p->media);
	media_changed(p);
}

char *path_refusal(struct path *p, enum leg from, const char *sdp, size_t len)
{
	return media_refusal(p->media, from, sdp, len);
}

enum e2ee_state path_e2ee(const struct path *p)
{
	return media_e2ee(p->media);
}

void path_e2ee_drop(struct path *p)
{
	media_e2ee_drop(p->media);
}

int path_e2ee_info(struct path *p, enum leg from, const void *body, size_t len,
		   struct media_why *why)
{
	return media_e2ee_info(p->media, from, body, len, why);
}
