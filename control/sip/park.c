/* SPDX-License-Identifier: Apache-2.0 */
/* control/sip/park.c - calls that wait in an orbit until somebody dials it, see
 * alone.h. RFC 5359 section 2.13.
 *
 * Who is parked hears music. After a while whoever has parked it is rung, again
 * and again, until somebody takes it or it hangs up. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "control/log.h"
#include "control/sip/alone.h"
#include "control/sip/dial.h"
#include "control/sip/numbers.h"

#define ORBIT_MAX 32
#define ANY	  "park" /* the user part that stands for a free orbit */

struct park {
	struct le le;
	struct bridge *b;
	char orbit[ORBIT_MAX];
	char by[STORE_AOR_MAX]; /* who has parked it */
	struct timer recall;
	join_h *h; /* until it is parked */
	void *arg;
};

static const struct config_calls *config(const struct door *d)
{
	return d->cfg.sip_calls;
}

bool park_is_orbit(const struct door *d, const struct pl *user)
{
	const char *orbits = config(d)->orbits;

	return orbits && (!pl_strcasecmp(user, ANY) ||
			  numbers_have(orbits, user->p, user->l));
}

static struct park *find(const struct door *d, const char *orbit)
{
	struct le *le;

	LIST_FOREACH (&d->parks, le) {
		struct park *k = le->data;

		if (!strcmp(k->orbit, orbit))
			return k;
	}
	return NULL;
}

static void park_destructor(void *arg)
{
	struct park *k = arg;

	list_unlink(&k->le);
	timer_cancel(&k->recall);
	if (k->b)
		k->b->park = NULL;
}

static struct park *park_new(struct bridge *b, const char *orbit,
			     const char *by)
{
	struct park *k = mem_zalloc(sizeof(*k), park_destructor);

	if (!k)
		return NULL;
	k->b = b;
	b->park = k;
	snprintf(k->orbit, sizeof(k->orbit), "%s", orbit);
	snprintf(k->by, sizeof(k->by), "%s", by);
	list_append(&b->d->parks, &k->le, k);
	return k;
}

void park_left(struct bridge *b)
{
	mem_deref(b->park);
}

const char *park_orbit(const struct bridge *b)
{
	return b->park ? b->park->orbit : NULL;
}

static bool free_orbit(const struct door *d, char out[ORBIT_MAX])
{
	for (unsigned i = 0; numbers_at(config(d)->orbits, i, out, ORBIT_MAX);
	     i++)
		if (!find(d, out))
			return true;
	return false;
}

/* ------------------------------------------------------------------ recall */

static void recall(void *arg);

static void wait_for_recall(struct park *k)
{
	unsigned s = config(k->b->d)->park_timeout;

	if (s)
		timer_start(&k->recall, (uint64_t)s * 1000, recall, k);
}

static void recalled(struct join *j, uint16_t status, const char *reason,
		     void *arg)
{
	struct bridge *b = arg;

	(void)j;
	(void)reason;
	if (status > 200 && b->call && b->park)
		wait_for_recall(b->park);
}

static void recall(void *arg)
{
	struct park *k = arg;
	struct bridge *b = k->b, *r;
	struct session *leg[2] = {b->up ? b->up->s[LEG_A] : NULL, NULL};
	struct pl pl;
	struct uri uri;

	pl_set_str(&pl, k->by);
	if (!leg[LEG_A] || leg[LEG_A]->join || uri_decode(&uri, &pl)) {
		wait_for_recall(k);
		return;
	}
	log_info(call_id(b->call), "parked at %s for too long: %s is rung",
		 k->orbit, k->by);
	r = bridge_originate(b->d, session_aor(leg[LEG_A]), k->by);
	if (r &&
	    bridge_caller_session(r, leg[LEG_A], session_aor(leg[LEG_A])) &&
	    join_new(r, leg, "taken back from its orbit", recalled, b)) {
		dial_uri(r, &uri, &pl, "recall of a parked call");
		return;
	}
	if (r)
		bridge_end(r, CALL_BY_GATEWAY, 503, "out of memory", NULL);
	wait_for_recall(k);
}

/* ----------------------------------------------------------- park, retrieve */

static void music(struct bridge *b)
{
	const char *file = config(b->d)->music;

	path_play(b->up->path, file ? PLAY_FILE : PLAY_SILENCE,
		  file ? file : "");
}

static void parked(struct join *j, uint16_t status, const char *reason,
		   void *arg)
{
	struct bridge *b = arg;
	struct park *k = b->park;

	if (k && status == 200) {
		log_info(call_id(b->call), "parked at %s by %s", k->orbit,
			 k->by);
		music(b);
		wait_for_recall(k);
		call_save(b->call);
	}
	if (k && k->h)
		k->h(j, status, reason, k->arg);
}

const char *park_session(struct session *s, const char *orbit, const char *by,
			 join_h *h, void *arg, struct media_why *why)
{
	struct door *d = s->br->b->d;
	char number[ORBIT_MAX], to[STORE_AOR_MAX], reason[64];
	struct bridge *b;

	why->status = 486;
	if (orbit[0] && strcasecmp(orbit, ANY)) {
		snprintf(number, sizeof(number), "%s", orbit);
		strcpy(why->text, "somebody is parked there");
		if (find(d, number))
			return NULL;
	} else {
		strcpy(why->text, "no orbit is free");
		if (!config(d)->orbits || !free_orbit(d, number))
			return NULL;
	}
	snprintf(to, sizeof(to), "sip:%s@%s", number, d->cfg.domain);
	snprintf(reason, sizeof(reason), "parked at %s", number);
	b = bridge_originate(d, session_aor(s), to);
	if (!b || !park_new(b, number, by)) {
		if (b)
			bridge_end(b, CALL_BY_GATEWAY, 503, "out of memory",
				   NULL);
		why->status = 503;
		strcpy(why->text, "out of memory");
		return NULL;
	}
	if (alone_move(b, s, reason, parked, b) && b->park) {
		b->park->h = h;
		b->park->arg = arg;
		return b->park->orbit;
	}
	why->status = 503;
	strcpy(why->text, "it is being put through, or there is no memory");
	return NULL;
}

void park_retrieve(struct bridge *b, const char *orbit)
{
	struct park *k = find(b->d, orbit);
	struct session *s = k && k->b->up ? k->b->up->s[LEG_A] : NULL;

	if (s && s->join) /* somebody is being rung for it */
		bridge_end(join_bridge(s->join), CALL_BY_GATEWAY, 487,
			   "taken by another", NULL);
	if (!s || !k->b->call) {
		bridge_end(b, CALL_BY_GATEWAY, 404, "nobody is parked there",
			   NULL);
		return;
	}
	takeover(b, s, "taken from its orbit");
}

/* ------------------------------------------------------ restarts, and lists */

json_t *park_save(const struct bridge *b)
{
	return b->park ? json_pack("{s:s, s:s}", "orbit", b->park->orbit, "by",
				   b->park->by)
		       : json_null();
}

bool park_load(struct bridge *b, const json_t *saved)
{
	const char *orbit, *by;
	struct park *k;

	if (!saved || json_is_null(saved))
		return true;
	if (json_unpack((json_t *)saved, "{s:s, s:s}", "orbit", &orbit, "by",
			&by))
		return false;
	k = park_new(b, orbit, by);
	if (k)
		wait_for_recall(k);
	return k;
}

json_t *park_list(struct door *d)
{
	json_t *list = json_array();
	struct le *le;

	LIST_FOREACH (&d->parks, le) {
		const struct park *k = le->data;

		if (k->b->call && k->b->up)
			json_array_append_new(
				list, json_pack("{s:s, s:I, s:s, s:s}", "orbit",
						k->orbit, "call",
						(json_int_t)call_id(k->b->call),
						"parked",
						session_aor(k->b->up->s[LEG_A]),
						"by", k->by));
	}
	return list;
}
