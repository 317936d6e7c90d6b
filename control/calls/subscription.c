/* SPDX-License-Identifier: Apache-2.0 */
/* control/calls/subscription.c - who hears a call beside its parties; see
 * subscription.h. */
#include "control/calls/subscription.h"
#include <arpa/inet.h>
#include <errno.h>
#include <sodium.h>
#include <stdio.h>
#include <string.h>
#include "control/audit/audit.h"
#include "control/calls/impl.h"
#include "control/events.h"
#include "control/log.h"

#define TAG_MAX 512 /* octets */
#define VARIANT sodium_base64_VARIANT_ORIGINAL

struct subscription {
	struct le le; /* in its call's list */
	struct call *c;
	struct pl tag; /* its own copy */
	unsigned hears;
	bool answered;
	struct fork_media *media;
};

static int no(struct duty_why *why, int status, const char *name,
	      const char *text)
{
	why->status = status;
	why->name = name;
	snprintf(why->text, sizeof(why->text), "%s", text);
	return -1;
}

static int no_media(struct duty_why *why, const struct media_why *media)
{
	return no(why, media->status, "media", media->text);
}

/* The tag as text; what isn't UTF-8 can't be. */
static json_t *tag_json(const struct subscription *s)
{
	json_t *j = json_stringn(s->tag.p, s->tag.l);

	return j ? j : json_null();
}

static json_t *hears_json(const struct subscription *s)
{
	json_t *list = json_array();

	for (int x = LEG_A; x <= LEG_B; x++)
		if (s->hears & (1u << x))
			json_array_append_new(list,
					      json_string(call_party(s->c, x)));
	return list;
}

/* "10.1.0.1:20000", "[2001:db8::1]:20000" */
static json_t *to_json(const struct subscription *s)
{
	char host[INET6_ADDRSTRLEN], text[INET6_ADDRSTRLEN + 16];
	struct sp_addr a;

	fork_media_to(s->media, &a);
	if (!a.family)
		return json_null();
	inet_ntop(a.family == 6 ? AF_INET6 : AF_INET, a.addr, host,
		  sizeof(host));
	snprintf(text, sizeof(text), a.family == 6 ? "[%s]:%u" : "%s:%u", host,
		 a.port);
	return json_string(text);
}

/* To people and evidence: whom, where to. reason: NULL: none. */
static void tell(const struct subscription *s, const char *kind, const char *by,
		 const char *reason)
{
	json_t *j =
		json_pack("{s:I, s:o, s:o, s:o, s:s?, s:s?, s:s, s:s}", "call",
			  (json_int_t)s->c->id, "tag", tag_json(s), "hears",
			  hears_json(s), "address", to_json(s), "by", by,
			  "reason", reason, "from", s->c->from, "to", s->c->to);

	log_info(s->c->id, "%s%s%s", kind, reason ? ": " : "",
		 reason ? reason : "");
	events_publish(s->c->all->cfg.events, kind, json_incref(j));
	audit_add(s->c->all->cfg.audit, kind, j);
}

static struct subscription *find(const struct call *c, struct pl tag)
{
	struct le *le;

	LIST_FOREACH (&c->subscriptions, le) {
		struct subscription *s = le->data;

		if (pl_cmp(&s->tag, &tag) == 0)
			return s;
	}
	return NULL;
}

static void destructor(void *arg)
{
	struct subscription *s = arg;

	list_unlink(&s->le);
	fork_media_free(s->media);
	mem_deref((void *)s->tag.p);
}

static struct subscription *subscription_new(struct call *c, struct pl tag,
					     unsigned hears)
{
	struct subscription *s = mem_zalloc(sizeof(*s), destructor);
	char *copy = mem_alloc(tag.l + 1, NULL);

	if (!s || !copy) {
		mem_deref(s);
		return mem_deref(copy);
	}
	memcpy(copy, tag.p, tag.l);
	s->tag = (struct pl){copy, tag.l};
	s->c = c;
	s->hears = hears & FORK_BOTH;
	list_append(&c->subscriptions, &s->le, s);
	return s;
}

/* Nobody else may hear the call: it isn't copied any more. */
static void let_go(struct subscription *s)
{
	struct call *c = s->c;
	struct media_why why;

	mem_deref(s);
	if (c->state != CALL_UP || !c->path)
		return;
	call_copy(c, &why);
	notice_look(c);
}

static void end(struct subscription *s, const char *by, const char *reason)
{
	if (s->answered)
		tell(s, "subscription-stopped", by, reason);
	let_go(s);
}

/* ----------------------------------------------------------- what is asked */

static int may(struct call *c, const struct subscription_wish *w,
	       struct duty_why *why)
{
	struct feature_answer a;

	a = call_may(c, FEATURE_MONITORING, w->by, w->how);
	if (!a.allowed)
		return no(why, a.status, a.error, a.reason);
	if (c->state != CALL_UP)
		return no(why, 409, "not-up", "The call isn't answered yet");
	if (!w->tag.l || w->tag.l > TAG_MAX || !(w->hears & FORK_BOTH))
		return no(why, 400, "subscription", "Nobody is to be heard");
	if (!find(c, w->tag) &&
	    list_count(&c->subscriptions) >= SUBSCRIPTIONS_MAX)
		return no(why, 486, "subscriptions",
			  "As many as may hear this call hear it already");
	return duties_up(c->all->cfg.duties, why) ? 0 : -1;
}

static int offer(struct subscription *s, const struct subscription_wish *w,
		 char **sdp, struct duty_why *why)
{
	struct fork_stream stream[FORK_STREAMS_MAX];
	struct media_why media;
	unsigned n;

	if (call_copy(s->c, &media) != 0)
		return no_media(why, &media);
	n = call_audio_streams(s->c, s->hears, stream, FORK_STREAMS_MAX);
	s->media = fork_media_new(s->c, stream, n, &w->to, &w->profile);
	if (!s->media)
		return no(why, 500, "internal", "Out of memory");
	fork_media_mirror(s->media);
	return fork_media_offer(s->media, sdp, &media) == 0
		       ? 0
		       : no_media(why, &media);
}

int call_subscribe(struct call *c, const struct subscription_wish *w,
		   char **sdp, struct duty_why *why)
{
	struct subscription *s, *before;

	*sdp = NULL;
	if (may(c, w, why) != 0)
		return -1;
	before = find(c, w->tag);
	if (before)
		end(before, w->by, "another in its place");
	s = subscription_new(c, w->tag, w->hears);
	if (!s)
		return no(why, 500, "internal", "Out of memory");
	if (offer(s, w, sdp, why) == 0)
		return 0;
	let_go(s);
	return -1;
}

int call_subscription_answer(struct call *c, struct pl tag,
			     const struct sp_addr *peer, const char *sdp,
			     size_t len, const char *by, struct duty_why *why)
{
	struct subscription *s = find(c, tag);
	struct media_why media;
	bool before;

	if (!s)
		return no(why, 404, "no-subscription",
			  "There is no such subscription");
	if (peer->family)
		fork_media_peer(s->media, peer);
	if (fork_media_answer(s->media, sdp, len, &media) != 0)
		return no_media(why, &media);
	before = s->answered;
	s->answered = true;
	if (notice_give(c, why) != 0) { /* nobody hears it unsaid */
		if (before)
			end(s, by, "the parties can't be told");
		else
			let_go(s);
		call_save(c);
		return -1;
	}
	tell(s, "subscription-started", by, NULL);
	call_save(c);
	return 0;
}

int call_unsubscribe(struct call *c, struct pl tag, const char *by)
{
	struct subscription *s = find(c, tag);

	if (!s)
		return ENOENT;
	end(s, by, NULL);
	call_save(c);
	return 0;
}

bool subscriptions_heard(const struct call *c)
{
	struct le *le;

	LIST_FOREACH (&c->subscriptions, le)
		if (((const struct subscription *)le->data)->answered)
			return true;
	return false;
}

bool call_subscribed(const struct call *c, struct pl tag)
{
	return find(c, tag);
}

unsigned call_subscriptions(const struct call *c,
			    struct subscription_info out[], unsigned n)
{
	struct le *le = list_head(&c->subscriptions);
	unsigned k = 0;

	for (; le && k < n; le = le->next) {
		const struct subscription *s = le->data;

		out[k++] = (struct subscription_info){s->tag, s->hears,
						      s->answered};
	}
	return k;
}

unsigned call_subscription_streams(const struct call *c, struct pl tag,
				   struct fork_stream out[], unsigned n)
{
	struct subscription *s = find(c, tag);

	return s ? fork_media_streams(s->media, out, n) : 0;
}

/* ------------------------------------------------------- the call goes on */

/* The streams of one party as they are now, in the places of those that were. */
static void follow(struct subscription *s, enum leg from)
{
	struct fork_stream had[FORK_STREAMS_MAX], is[FORK_STREAMS_MAX];
	unsigned n = call_audio_streams(s->c, 1u << from, is, FORK_STREAMS_MAX);
	unsigned m = fork_media_streams(s->media, had, FORK_STREAMS_MAX);
	unsigned k = 0;

	for (unsigned i = 0; i < m; i++) {
		if (had[i].from != from)
			continue;
		if (k < n && is[k].stream != had[i].stream)
			fork_media_source(s->media, i, &is[k]);
		k++;
	}
}

void subscriptions_changed(struct call *c)
{
	struct le *le;

	LIST_FOREACH (&c->subscriptions, le)
		for (int x = LEG_A; x <= LEG_B; x++)
			follow(le->data, x);
}

void subscriptions_tick(struct call *c)
{
	struct le *le;

	LIST_FOREACH (&c->subscriptions, le)
		fork_media_tick(((struct subscription *)le->data)->media);
}

void subscriptions_restored(struct call *c)
{
	struct le *le = list_head(&c->subscriptions);

	while (le) {
		struct subscription *s = le->data;

		le = le->next;
		if (!fork_media_restored(s->media))
			end(s, CALL_POLICY, "its keys were lost");
	}
}

void subscriptions_end(struct call *c, const char *reason)
{
	while (!list_isempty(&c->subscriptions))
		end(list_head(&c->subscriptions)->data, CALL_POLICY, reason);
}

json_t *subscriptions_describe(const struct call *c)
{
	json_t *list = json_array();
	struct le *le;

	LIST_FOREACH (&c->subscriptions, le) {
		const struct subscription *s = le->data;

		json_array_append_new(list, json_pack("{s:o, s:o, s:o, s:b}",
						      "tag", tag_json(s),
						      "hears", hears_json(s),
						      "address", to_json(s),
						      "answered", s->answered));
	}
	return list;
}

/* --------------------------------------------------------------- restarts */

/* One that hasn't been answered has nothing in the dataplane yet. */
void subscriptions_save(const struct call *c, json_t *j)
{
	char tag[sodium_base64_ENCODED_LEN(TAG_MAX, VARIANT)];
	json_t *list = json_array();
	struct le *le;

	LIST_FOREACH (&c->subscriptions, le) {
		const struct subscription *s = le->data;

		if (!s->answered)
			continue;
		sodium_bin2base64(tag, sizeof(tag),
				  (const unsigned char *)s->tag.p, s->tag.l,
				  VARIANT);
		json_array_append_new(list,
				      json_pack("{s:s, s:i, s:o}", "tag", tag,
						"hears", (int)s->hears, "media",
						fork_media_save(s->media)));
	}
	if (json_array_size(list))
		json_object_set(j, "subscriptions", list);
	json_decref(list);
}

static void load_one(struct call *c, json_t *item)
{
	unsigned char tag[TAG_MAX];
	struct subscription *s;
	const char *text;
	json_t *media;
	size_t n = 0;
	int hears;

	if (json_unpack(item, "{s:s, s:i, s:o}", "tag", &text, "hears", &hears,
			"media", &media) != 0 ||
	    sodium_base642bin(tag, sizeof(tag), text, strlen(text), NULL, &n,
			      NULL, VARIANT) != 0)
		return;
	s = subscription_new(c, (struct pl){(char *)tag, n}, (unsigned)hears);
	if (!s)
		return;
	s->media = fork_media_load(c, media);
	s->answered = s->media;
	if (!s->media)
		mem_deref(s);
}

void subscriptions_load(struct call *c, const json_t *j)
{
	json_t *item;
	size_t i;

	json_array_foreach (json_object_get(j, "subscriptions"), i, item)
		load_one(c, item);
}
