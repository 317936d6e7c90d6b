/* SPDX-License-Identifier: Apache-2.0 */
/* What sallyport-media does against what is wanted of it. Setting a duty that is
 * there as it should be changes nothing, so all of them are said once more; what
 * is listed and not wanted is taken away. A recording is started only once: if it
 * isn't listed any more, it has failed. */
#include <stdio.h>
#include <string.h>
#include "control/duties/impl.h"
#include "control/duties/link.h"
#include "control/log.h"

const struct duty_words duty_words[DUTY_KINDS] = {
	[DUTY_ROOM] = {"room.set", "room.remove", "room", "rooms"},
	[DUTY_PORT] = {"port.set", "port.remove", "port", "ports"},
	[DUTY_RECORDING] = {"record.start", "record.stop", "recording",
			    "recordings"},
};

void duty_failed(struct duties *d, struct want *w, const char *error,
		 const char *message)
{
	struct heard *h = talk_heard(d);

	log_warn(w->call, "sallyport-media: %s %s: %s", duty_words[w->kind].set,
		 w->id, message);
	if (h) {
		h->what = HEARD_FAILED;
		h->kind = w->kind;
		h->call = w->call;
		snprintf(h->id, sizeof(h->id), "%s", w->id);
		snprintf(h->error, sizeof(h->error), "%s", error);
		snprintf(h->message, sizeof(h->message), "%s", message);
	}
	want_remove(w);
}

static void on_set(struct duties *d, struct ask *a, const json_t *reply,
		   int *fd)
{
	struct want *w = want_find(d, a->kind, a->id);
	const char *error, *message;

	(void)fd;
	/* Away: it is said again. Replaced meanwhile: that one counts. */
	if (!reply || !w || w->version != a->version ||
	    json_is_true(json_object_get(reply, "ok")))
		return;
	error = json_text(reply, "error", MP_NAME_MAX);
	message = json_text(reply, "message", MP_META_MAX);
	duty_failed(d, w, error ? error : "internal",
		    message ? message : "it said no");
}

/* A request about a duty; with w it is the one that makes it. */
static void say(struct duties *d, const char *what, enum duty kind,
		const char *id, const struct want *w)
{
	json_t *m = w ? json_copy(w->spec) : json_object();
	struct ask *a;

	if (m) {
		json_object_set_new(m, "do", json_string(what));
		json_object_set_new(m, duty_words[kind].id, json_string(id));
	}
	a = talk_ask(d, m, w ? on_set : NULL);
	if (!a)
		return;
	a->kind = kind;
	a->version = w ? w->version : 0;
	snprintf(a->id, sizeof(a->id), "%s", id);
}

void reconcile_one(struct duties *d, const struct want *w)
{
	say(d, duty_words[w->kind].set, w->kind, w->id, w);
}

void reconcile_remove(struct duties *d, enum duty kind, const char *id)
{
	say(d, duty_words[kind].remove, kind, id, NULL);
}

static void ask_list(struct duties *d, enum duty kind, const char *after);

static void give_up_missing(struct duties *d)
{
	struct le *le = list_head(&d->of[DUTY_RECORDING]);

	while (le) {
		struct want *w = le->data;

		le = le->next;
		if (!w->there)
			duty_failed(d, w, "gone",
				    "the recording ended when sallyport-media "
				    "did");
	}
}

/* One page of a list. @return the last id of it, or NULL: it makes no sense. */
static const char *page(struct duties *d, enum duty kind, const json_t *items)
{
	const char *id = NULL;
	const json_t *item;
	size_t i;

	json_array_foreach (items, i, item) {
		struct want *w;

		id = json_text(item, duty_words[kind].id, MP_ID_MAX);
		if (!id)
			return NULL;
		w = want_find(d, kind, id);
		if (w)
			w->there = true;
		else
			reconcile_remove(d, kind, id);
	}
	return id;
}

static void on_list(struct duties *d, struct ask *a, const json_t *reply,
		    int *fd)
{
	const json_t *items = json_object_get(reply, "items");
	const char *last;

	(void)fd;
	if (!json_is_array(items))
		return; /* away; or it can't list, and nothing is removed */
	last = page(d, a->kind, items);
	if (last && json_is_true(json_object_get(reply, "more")))
		ask_list(d, a->kind, last);
	else if (a->kind == DUTY_RECORDING)
		give_up_missing(d);
}

static void ask_list(struct duties *d, enum duty kind, const char *after)
{
	json_t *m = json_pack("{s:s, s:s}", "do", "list", "what",
			      duty_words[kind].list);
	struct ask *a;

	if (m && after)
		json_object_set_new(m, "after", json_string(after));
	a = talk_ask(d, m, on_list);
	if (a)
		a->kind = kind;
}

void reconcile(struct duties *d)
{
	struct le *le;

	LIST_FOREACH (&d->of[DUTY_RECORDING], le)
		((struct want *)le->data)->there = false;
	/* Lists first, so that none of what follows is in them. Recordings that
	 * are begun while the answer is on its way are not in it either. */
	ask_list(d, DUTY_RECORDING, NULL);
	ask_list(d, DUTY_PORT, NULL);
	ask_list(d, DUTY_ROOM, NULL);
	for (int kind = DUTY_ROOM; kind <= DUTY_PORT; kind++)
		LIST_FOREACH (&d->of[kind], le)
			reconcile_one(d, le->data);
	talk_turn(d);
}
