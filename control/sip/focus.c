/* SPDX-License-Identifier: Apache-2.0 */
/* control/sip/focus.c - conferences, see alone.h. RFC 4579.
 *
 * A number of the configuration is a conference that begins with who dials it
 * first and ends with the last; a merge makes one of its own, which ends when
 * one party is left. Each party is a call with one leg that hears the room. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "control/log.h"
#include "control/media/protocol.h"
#include "control/sip/alone.h"
#include "control/sip/dial.h"
#include "control/sip/numbers.h"

#define NAME_SIZE 48

struct focus {
	struct le le;
	struct door *d;
	char name[NAME_SIZE]; /* user part of its URI, and of its room's id */
	char uri[STORE_AOR_MAX];
	bool merged; /* made for calls that were there: not for one party */
	bool began;  /* two have been in it */
};

static void room_of(const struct focus *f, char out[MP_ID_MAX])
{
	snprintf(out, MP_ID_MAX, "conference-%.*s", NAME_SIZE, f->name);
	for (char *p = out; *p; p++)
		if (*p == '*' || *p == '#')
			*p = '_';
}

static void focus_destructor(void *arg)
{
	struct focus *f = arg;
	char room[MP_ID_MAX];

	if (f->le.list) {
		room_of(f, room);
		calls_room_gone(f->d->cfg.calls, room);
		log_info(0, "conference %s is over", f->name);
	}
	list_unlink(&f->le);
}

static struct focus *find(const struct door *d, const char *name)
{
	struct le *le;

	LIST_FOREACH (&d->focuses, le) {
		struct focus *f = le->data;

		if (!strcmp(f->name, name))
			return f;
	}
	return NULL;
}

/* why NULL: it was there before a restart, so it is there whatever happens. */
static struct focus *focus_new(struct door *d, const char *name, bool merged,
			       struct media_why *why)
{
	struct focus *f = mem_zalloc(sizeof(*f), focus_destructor);
	char room[MP_ID_MAX];

	if (!f)
		return NULL;
	f->d = d;
	f->merged = merged;
	snprintf(f->name, sizeof(f->name), "%s", name);
	snprintf(f->uri, sizeof(f->uri), "sip:%s@%s", name, d->cfg.domain);
	room_of(f, room);
	if (calls_room(d->cfg.calls, room, why) && why)
		return mem_deref(f);
	list_append(&d->focuses, &f->le, f);
	log_info(0, "conference %s begins", name);
	return f;
}

const char *focus_uri(const struct focus *f)
{
	return f->uri;
}

/* Its calls; up: only those that are. */
static unsigned members(const struct focus *f, bool up)
{
	unsigned n = 0;
	struct le *le;

	LIST_FOREACH (&f->d->bridges, le) {
		const struct bridge *b = le->data;

		n += b->focus == f && b->call && (b->up || !up);
	}
	return n;
}

static bool full(const struct focus *f)
{
	return members(f, false) >= MP_ROOM_PORTS;
}

/* What each party hears: the others, or music while there are none. */
static void look(struct focus *f)
{
	const char *music = f->d->cfg.sip_calls->music;
	unsigned n = members(f, true), all = members(f, false);
	char room[MP_ID_MAX];
	struct le *le = list_head(&f->d->bridges);

	f->began |= n > 1;
	if (!all) {
		mem_deref(f);
		return;
	}
	room_of(f, room);
	while (le) {
		struct bridge *b = le->data;

		le = le->next;
		if (b->focus != f || !b->call || !b->up)
			continue;
		if (f->merged && f->began && all == 1) {
			bridge_end(b, CALL_BY_GATEWAY, 200,
				   "the others have left the conference", NULL);
			return; /* which has come here again */
		}
		if (n > 1 || !music)
			path_play(b->up->path, PLAY_ROOM, room);
		else
			path_play(b->up->path, PLAY_FILE, music);
		call_save(b->call);
	}
}

void focus_entered(struct bridge *b)
{
	log_info(call_id(b->call), "is in conference %s", b->focus->name);
	look(b->focus);
}

void focus_left(struct bridge *b)
{
	struct focus *f = b->focus;

	b->focus = NULL;
	if (f)
		look(f);
}

struct focus *focus_dialled(struct door *d, const char *user,
			    struct media_why *why)
{
	const char *numbers = d->cfg.sip_calls->conferences;
	struct focus *f = find(d, user);

	if (f)
		return f;
	why->status = 0;
	if (!numbers || !numbers_have(numbers, user, strlen(user)))
		return NULL;
	return focus_new(d, user, false, why);
}

void focus_invited(struct focus *f, struct bridge *b)
{
	if (full(f)) {
		bridge_end(b, CALL_BY_GATEWAY, 486, "the conference is full",
			   NULL);
		return;
	}
	b->focus = f;
	alone_answer(b);
}

static int no(struct media_why *why, int status, const char *text)
{
	why->status = status;
	snprintf(why->text, sizeof(why->text), "%s", text);
	return -1;
}

static int move(struct focus *f, struct session *s, struct media_why *why)
{
	struct bridge *b;

	if (full(f))
		return no(why, 486, "the conference is full");
	b = bridge_originate(f->d, session_aor(s), f->uri);
	if (!b)
		return no(why, 503, "out of memory");
	b->focus = f;
	if (alone_move(b, s, "merged into a conference", NULL, NULL))
		return 0;
	return no(why, 503, "it is being put through, or there is no memory");
}

int focus_call(struct focus *f, const struct uri *uri, const char *aor,
	       const char *by, join_h *h, void *arg, struct media_why *why)
{
	struct session *nobody[2] = {NULL, NULL};
	struct bridge *b;
	struct pl text;

	if (full(f))
		return no(why, 486, "the conference is full");
	b = bridge_originate(f->d, f->uri, aor);
	if (!b)
		return no(why, 503, "out of memory");
	b->focus = f;
	b->alone = true;
	if (!bridge_caller_name(b, f->uri, by) ||
	    str_dup(&b->referred_by, by) || !join_new(b, nobody, "", h, arg)) {
		bridge_end(b, CALL_BY_GATEWAY, 503, "out of memory", NULL);
		return no(why, 503, "out of memory");
	}
	pl_set_str(&text, aor);
	dial_uri(b, uri, &text, "REFER to a number");
	return 0;
}

/* Has one of these sessions the same party? */
static bool again(struct session *const list[], unsigned n,
		  const struct session *s)
{
	for (unsigned i = 0; i < n; i++)
		if (!strcmp(session_aor(list[i]), session_aor(s)))
			return true;
	return false;
}

struct focus *focus_of(struct bridge *a, struct bridge *b,
		       struct media_why *why)
{
	struct bridge *const both[2] = {a, b};
	struct session *list[4];
	struct focus *f = a->focus ? a->focus : b ? b->focus : NULL;
	char name[NAME_SIZE];
	unsigned n = 0, moved = 0;

	if (b && a->focus && b->focus && a->focus != b->focus) {
		no(why, 409, "both are in conferences already");
		return NULL;
	}
	for (unsigned i = 0; i < 2; i++) {
		const struct branch *br = both[i] ? both[i]->up : NULL;

		for (enum leg l = LEG_A; br && !both[i]->focus && l <= LEG_B;
		     l++) {
			struct session *s = br->s[l];

			if (s->join) {
				no(why, 491, "it is being put through");
				return NULL;
			}
			if (s->dlg.remote_tag && !again(list, n, s))
				list[n++] = s;
		}
	}
	if (!f) {
		re_snprintf(name, sizeof(name), "conference-%08x", rand_u32());
		f = focus_new(a->d, name, true, why);
		if (!f)
			return NULL;
	}
	for (unsigned i = 0; i < n; i++)
		moved += !move(f, list[i], why);
	if (n && !moved) {
		look(f);
		return NULL;
	}
	return f;
}

/* ------------------------------------------------------ restarts, and lists */

json_t *focus_save(const struct bridge *b)
{
	const struct focus *f = b->focus;

	return f ? json_pack("{s:s, s:b, s:b}", "name", f->name, "merged",
			     f->merged, "began", f->began)
		 : json_null();
}

bool focus_load(struct bridge *b, const json_t *saved)
{
	const char *name;
	int merged, began;

	if (!saved || json_is_null(saved))
		return true;
	if (json_unpack((json_t *)saved, "{s:s, s:b, s:b}", "name", &name,
			"merged", &merged, "began", &began))
		return false;
	b->focus = find(b->d, name);
	if (!b->focus)
		b->focus = focus_new(b->d, name, merged, NULL);
	if (b->focus)
		b->focus->began |= began;
	return b->focus;
}

static json_t *parties(const struct focus *f)
{
	json_t *list = json_array();
	struct le *le;

	LIST_FOREACH (&f->d->bridges, le) {
		const struct bridge *b = le->data;

		if (b->focus == f && b->call && b->up)
			json_array_append_new(
				list,
				json_pack("{s:I, s:s}", "call",
					  (json_int_t)call_id(b->call), "aor",
					  call_party(b->call,
						     b->alone ? LEG_B
							      : LEG_A)));
	}
	return list;
}

json_t *focus_list(struct door *d)
{
	json_t *list = json_array();
	struct le *le;

	LIST_FOREACH (&d->focuses, le) {
		const struct focus *f = le->data;

		json_array_append_new(list,
				      json_pack("{s:s, s:s, s:o}", "conference",
						f->name, "uri", f->uri,
						"parties", parties(f)));
	}
	return list;
}
