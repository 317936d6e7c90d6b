/* SPDX-License-Identifier: Apache-2.0 */
/* The verbs of duties.h. */
#include "control/duties/duties.h"
#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>
#include <unistd.h>
#include "control/duties/impl.h"
#include "control/duties/link.h"
#include "control/log.h"

#define ASK_MS 1000

__attribute__((format(printf, 4, 5))) static int no(struct duty_why *why,
						    int status,
						    const char *name,
						    const char *fmt, ...)
{
	va_list ap;

	if (!why)
		return -1;
	why->status = status;
	why->name = name;
	va_start(ap, fmt);
	vsnprintf(why->text, sizeof(why->text), fmt, ap);
	va_end(ap);
	return -1;
}

static void destructor(void *arg)
{
	struct duties *d = arg;

	tmr_cancel(&d->tmr);
	tmr_cancel(&d->watch);
	tmr_cancel(&d->later);
	if (d->fd >= 0) {
		fd_close(d->fd);
		close(d->fd);
	}
	list_flush(&d->to_send);
	list_flush(&d->sent);
	list_flush(&d->heard);
	for (int kind = 0; kind < DUTY_KINDS; kind++)
		while (list_head(&d->of[kind]))
			want_remove(list_ledata(list_head(&d->of[kind])));
	json_decref(d->hello);
}

int duties_alloc(struct duties **dp, const struct duties_config *cfg)
{
	struct duties *d = mem_zalloc(sizeof(*d), destructor);

	if (!d)
		return ENOMEM;
	d->cfg = *cfg;
	d->fd = -1;
	tmr_init(&d->tmr);
	tmr_init(&d->watch);
	tmr_init(&d->later);
	if (cfg->socket)
		talk_start(d);
	*dp = d;
	return 0;
}

void duties_free(struct duties *d)
{
	mem_deref(d);
}

void duties_handlers(struct duties *d, const struct duties_handlers *h,
		     void *arg)
{
	d->h = *h;
	d->arg = arg;
}

void duties_ready(struct duties *d)
{
	d->ready = true;
	if (d->cfg.socket && d->state == LINK_DOWN)
		talk_start(d);
}

bool duties_up(const struct duties *d, struct duty_why *why)
{
	if (d->state == LINK_UP)
		return true;
	if (d->cfg.socket)
		no(why, 503, "media-away",
		   "The gateway's media service is away; try again later");
	else
		no(why, 501, "media-off",
		   "The gateway is set up without its media service");
	return false;
}

bool duties_codec(const struct duties *d, const char *name)
{
	const json_t *c;
	size_t i;

	if (d->state != LINK_UP)
		return false;
	json_array_foreach (json_object_get(d->hello, "codecs"), i, c) {
		const char *codec = json_text(c, "codec", MP_NAME_MAX);

		if (codec && strcasecmp(codec, name) == 0)
			return json_is_true(json_object_get(c, "decode")) &&
			       json_is_true(json_object_get(c, "encode"));
	}
	return false;
}

bool duties_can_record(const struct duties *d, struct duty_why *why)
{
	const json_t *r = json_object_get(d->hello, "recording");
	const char *reason;

	if (!duties_up(d, why))
		return false;
	if (json_is_true(json_object_get(r, "ready")))
		return true;
	reason = json_text(r, "reason", sizeof(why->text));
	no(why, 503, "recording-not-ready", "Recording isn't possible: %s",
	   reason ? reason : "it isn't set up");
	return false;
}

bool duties_can_transcode(const struct duties *d, struct duty_why *why)
{
	if (!duties_up(d, why))
		return false;
	if (d->transcodings < d->cfg.transcodings)
		return true;
	no(why, 503, "transcoding-limit",
	   "%u calls are transcoded already, which is the limit",
	   d->transcodings);
	return false;
}

void duties_transcoding(struct duties *d, bool begins)
{
	if (begins)
		d->transcodings++;
	else if (d->transcodings > 0)
		d->transcodings--;
}

int64_t duties_since(const struct duties *d)
{
	return d->since;
}

void duties_limit(struct duties *d, unsigned transcodings)
{
	d->cfg.transcodings = transcodings;
}

unsigned duties_transcodings(const struct duties *d)
{
	return d->transcodings;
}

const char *duty_port_id(uint64_t stream, char id[DUTY_ID_MAX])
{
	snprintf(id, DUTY_ID_MAX, "%" PRIu64, stream);
	return id;
}

int duty_set(struct duties *d, enum duty kind, const char *id, uint64_t call,
	     bool kept, json_t *spec, struct duty_why *why)
{
	struct want *w = want_find(d, kind, id);
	bool same = w && json_equal(w->spec, spec);

	if (!spec || strlen(id) >= DUTY_ID_MAX) {
		json_decref(spec);
		return no(why, 500, "internal", "No memory");
	}
	if (same || (!w && !kept && !duties_up(d, why))) {
		json_decref(spec);
		return same ? 0 : -1;
	}
	if (!w)
		w = want_add(d, kind, id);
	if (!w) {
		json_decref(spec);
		return no(why, 500, "internal", "No memory");
	}
	json_decref(w->spec);
	w->spec = spec;
	w->version = ++d->version;
	w->call = call;
	w->there = true; /* until a list says otherwise */
	if (d->state == LINK_UP) {
		reconcile_one(d, w);
		talk_turn(d);
	}
	return 0;
}

void duty_remove(struct duties *d, enum duty kind, const char *id)
{
	struct want *w = want_find(d, kind, id);

	if (!w)
		return;
	want_remove(w);
	if (d->state == LINK_UP) {
		reconcile_remove(d, kind, id);
		talk_turn(d);
	}
}

bool duty_wanted(const struct duties *d, enum duty kind, const char *id)
{
	return want_find(d, kind, id) != NULL;
}

/* ------------------------------------------------------- asked and waited for */

struct waiting {
	bool over;
	json_t *reply;
	int fd;
};

static void on_answer(struct duties *d, struct ask *a, const json_t *reply,
		      int *fd)
{
	struct waiting *w = a->arg;

	(void)d;
	if (!w)
		return; /* too late */
	w->over = true;
	w->reply = reply ? json_deep_copy(reply) : NULL;
	w->fd = *fd;
	*fd = -1;
}

json_t *duty_ask(struct duties *d, json_t *request, int *fd,
		 struct duty_why *why)
{
	uint64_t deadline = tmr_jiffies() + ASK_MS, now;
	struct waiting w = {.fd = -1};
	struct ask *a = NULL;

	if (fd)
		*fd = -1;
	if (!duties_up(d, why)) {
		json_decref(request);
		return NULL;
	}
	a = talk_ask(d, request, on_answer);
	if (!a) {
		no(why, 500, "internal", "No memory");
		return NULL;
	}
	a->arg = &w;
	talk_turn(d);
	while (!w.over && (now = tmr_jiffies()) < deadline) {
		struct pollfd p = {.fd = d->fd, .events = POLLIN};

		if (poll(&p, 1, (int)(deadline - now)) > 0)
			talk_turn(d);
	}
	if (!w.over)
		a->arg = NULL;
	if (fd)
		*fd = w.fd;
	else if (w.fd >= 0)
		close(w.fd);
	if (!w.reply)
		no(why, 503, "media-away",
		   "The gateway's media service doesn't answer");
	return w.reply;
}
