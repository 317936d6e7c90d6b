/* SPDX-License-Identifier: Apache-2.0 */
/* control/sip/operate.c - what the control API does with calls, see sip.h. Each
 * asks the gate as a phone's request would. */
#include <stdio.h>
#include <string.h>
#include "control/sip/alone.h"
#include "control/sip/dial.h"

#define HOW "API"

static int no(struct door_why *why, int status, const char *error,
	      const char *text)
{
	why->status = status;
	why->error = error;
	snprintf(why->text, sizeof(why->text), "%s", text);
	return -1;
}

/* Of a request that SIP would have answered with why. */
static int sip_says(struct door_why *why, const struct media_why *sip)
{
	return no(why, sip->status,
		  sip->status == 486   ? "busy"
		  : sip->status == 491 ? "being-put-through"
				       : "not-possible",
		  sip->text);
}

static bool may(struct bridge *b, enum feature f, const char *by,
		struct door_why *why)
{
	struct feature_answer a = call_may(b->call, f, by, HOW);

	if (!a.allowed)
		no(why, a.status, a.error, a.reason);
	return a.allowed;
}

/* A call of this door that is up. */
static struct bridge *find(struct door *d, uint64_t id, struct door_why *why)
{
	struct le *le;

	LIST_FOREACH (&d->bridges, le) {
		struct bridge *b = le->data;

		if (!b->call || call_id(b->call) != id)
			continue;
		if (b->up)
			return b;
		no(why, 409, "not-up", "That call hasn't been answered yet");
		return NULL;
	}
	no(why, 404, "no-such-call", "No SIP call has that id");
	return NULL;
}

/* Of a call with two legs, the one of this party; NULL: leg B. */
static struct session *party(struct bridge *b, const char *aor,
			     struct door_why *why)
{
	for (enum leg l = LEG_B + 1; l-- > LEG_A;) {
		struct session *s = b->up->s[l];

		if (!s->dlg.remote_tag || (aor && strcmp(session_aor(s), aor)))
			continue;
		if (!session_alone(s) && !s->join)
			return s;
		no(why, 409, "being-put-through",
		   "That party is parked, in a conference or being put through");
		return NULL;
	}
	no(why, 404, "no-such-party", "That call has no such party");
	return NULL;
}

int door_park(struct door *d, uint64_t id, const char *who, const char *orbit,
	      const char *by, char *out, size_t size, struct door_why *why)
{
	struct bridge *b = find(d, id, why);
	struct media_why sip;
	const char *parked;
	struct session *s;
	struct pl pl;

	if (!b || !may(b, FEATURE_PARK, by, why))
		return -1;
	pl_set_str(&pl, orbit[0] ? orbit : "park");
	if (!park_is_orbit(d, &pl))
		return no(why, 404, "no-such-orbit",
			  "That is no orbit of the configuration");
	s = party(b, who, why);
	if (!s)
		return -1;
	/* who is left has parked it, as far as a recall goes */
	parked = park_session(s, orbit, call_party(b->call, OTHER_LEG(s->side)),
			      NULL, NULL, &sip);
	if (!parked)
		return sip_says(why, &sip);
	snprintf(out, size, "%s", parked);
	return 0;
}

int door_merge(struct door *d, uint64_t id, uint64_t other, const char *by,
	       char *out, size_t size, struct door_why *why)
{
	struct bridge *a = find(d, id, why), *b;
	struct media_why sip;
	struct focus *f;

	b = a ? find(d, other, why) : NULL;
	if (!a || !b || !may(a, FEATURE_MERGE, by, why) ||
	    !may(b, FEATURE_MERGE, by, why))
		return -1;
	if (a == b)
		return no(why, 409, "same-call", "A call with itself");
	if (a->park || b->park)
		return no(why, 409, "parked", "A parked call has to be taken");
	f = focus_of(a, b, &sip);
	if (!f)
		return sip_says(why, &sip);
	snprintf(out, size, "%s", focus_uri(f));
	return 0;
}

int door_add(struct door *d, uint64_t id, const char *aor, const char *by,
	     char *out, size_t size, struct door_why *why)
{
	struct bridge *b = find(d, id, why);
	struct media_why sip;
	struct focus *f;
	struct uri uri;
	struct pl pl;

	if (!b || !may(b, FEATURE_ADD_PARTICIPANT, by, why))
		return -1;
	pl_set_str(&pl, aor);
	if (uri_decode(&uri, &pl) || strlen(aor) >= STORE_AOR_MAX)
		return no(why, 400, "bad-address",
			  "to is a URI, such as sip:carol@sallyport.example");
	if (b->park)
		return no(why, 409, "parked", "A parked call has to be taken");
	f = focus_of(b, NULL, &sip);
	if (!f || focus_call(f, &uri, aor, by, NULL, NULL, &sip))
		return sip_says(why, &sip);
	snprintf(out, size, "%s", focus_uri(f));
	return 0;
}

int door_transfer(struct door *d, uint64_t id, const char *who, const char *to,
		  const char *by, struct door_why *why)
{
	struct bridge *b = find(d, id, why), *n;
	struct session *leg[2] = {NULL, NULL};
	char reason[STORE_AOR_MAX + 32];
	struct uri uri;
	struct pl pl;

	if (!b || !may(b, FEATURE_TRANSFER_BLIND, by, why))
		return -1;
	pl_set_str(&pl, to);
	if (uri_decode(&uri, &pl) || strlen(to) >= STORE_AOR_MAX)
		return no(why, 400, "bad-address",
			  "to is a URI, such as sip:carol@sallyport.example");
	leg[LEG_A] = party(b, who, why);
	if (!leg[LEG_A])
		return -1;
	n = bridge_originate(d, session_aor(leg[LEG_A]), to);
	snprintf(reason, sizeof(reason), "transferred to %s", to);
	if (!n ||
	    !bridge_caller_session(n, leg[LEG_A], session_aor(leg[LEG_A])) ||
	    !join_new(n, leg, reason, NULL, NULL)) {
		if (n)
			bridge_end(n, CALL_BY_GATEWAY, 503, "out of memory",
				   NULL);
		return no(why, 503, "no-memory", "Out of memory");
	}
	dial_uri(n, &uri, &pl, "transfer by the API");
	return 0;
}

json_t *door_parked(struct door *d)
{
	return park_list(d);
}

json_t *door_conferences(struct door *d)
{
	return focus_list(d);
}
