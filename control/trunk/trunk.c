/* SPDX-License-Identifier: Apache-2.0 */
/* control/trunk/trunk.c - the list of trunks, and the state of each. */
#include "control/trunk/trunk.h"
#include <errno.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include "control/audit/audit.h"
#include "control/events.h"
#include "control/log.h"
#include "control/trunk/impl.h"

#define LOOK_MS 5000 /* between two looks for a way to a trunk */

struct trunk_line {
	struct trunk *t;
	bool over;
};

static const char *const states[] = {
	[TRUNK_OFF] = "off",
	[TRUNK_TRYING] = "trying",
	[TRUNK_UP] = "up",
	[TRUNK_DOWN] = "down",
};

/* ------------------------------------------------------------------ state */

static void enter(struct trunk *t, enum trunk_state to, const char *why)
{
	const char *event = to == TRUNK_UP ? "trunk-up" : "trunk-down";
	bool news = to != t->state;
	json_t *about;

	if (why != t->why)
		snprintf(t->why, sizeof(t->why), "%s", why);
	if (!news)
		return;
	t->state = to;
	t->since = (int64_t)time(NULL);
	if (to != TRUNK_UP && to != TRUNK_DOWN)
		return;
	if (to == TRUNK_UP)
		log_info(0, "trunk %s is up", t->set.name);
	else
		log_warn(0, "trunk %s is down: %s; %u calls on it", t->set.name,
			 why, t->calls);
	if (!t->all)
		return;
	about = json_pack("{s:s, s:s, s:i}", "trunk", t->set.name, "why", why,
			  "calls", (int)t->calls);
	events_publish(t->all->cfg.events, event, json_incref(about));
	audit_add(t->all->cfg.audit, event, about);
}

void trunk_judge(struct trunk *t, const char *why)
{
	if (!t->set.enabled)
		enter(t, TRUNK_OFF, "it is disabled");
	else if (!t->hop.via)
		enter(t, TRUNK_OFF, "no listener of ours reaches it");
	else if (t->silent)
		enter(t, TRUNK_DOWN, why ? why : t->why);
	else if (t->set.registers && !t->registered && why)
		enter(t, TRUNK_DOWN, why);
	else if (t->set.registers ? t->registered : t->alive)
		enter(t, TRUNK_UP, "");
	else if (t->state == TRUNK_OFF)
		enter(t, TRUNK_TRYING, "");
}

void trunk_heard(struct trunk *t)
{
	t->alive = true;
	t->silent = false;
	trunk_judge(t, t->state == TRUNK_DOWN ? t->why : NULL);
}

void trunk_suspect(struct trunk *t)
{
	if (t->keepalive)
		keepalive_now(t);
}

/* ------------------------------------------------------------------ lines */

bool trunk_full(const struct trunk *t, bool emergency)
{
	return !emergency && t->set.calls &&
	       t->calls + t->set.reserve >= t->set.calls;
}

static void line_destructor(void *arg)
{
	struct trunk_line *line = arg;

	trunk_line_over(line);
	mem_deref(line->t);
}

struct trunk_line *trunk_line_new(struct trunk *t, bool emergency)
{
	struct trunk_line *line;

	if (trunk_full(t, emergency))
		return NULL;
	line = mem_zalloc(sizeof(*line), line_destructor);
	if (!line)
		return NULL;
	line->t = mem_ref(t);
	t->calls++;
	return line;
}

void trunk_line_over(struct trunk_line *line)
{
	if (!line || line->over)
		return;
	line->over = true;
	line->t->calls--;
}

struct trunk *trunk_line_trunk(const struct trunk_line *line)
{
	return line->t;
}

/* -------------------------------------------------------------- addresses */

static void find_hop(struct trunk *t)
{
	struct stack *stack = t->all->cfg.stack;
	struct sa local;

	memset(&t->hop, 0, sizeof(t->hop));
	t->hop.peer = t->addr;
	if (!sip_tp_parse(&t->hop.tp, t->set.transport))
		return;
	if (t->hop.tp == SIP_TLS) /* what the certificate must say */
		snprintf(t->hop.name, sizeof(t->hop.name), "%.*s",
			 (int)strcspn(t->set.domain, ":"), t->set.domain);
	if (t->set.local[0]) {
		if (sip_addr_parse(&local, t->set.local))
			t->hop.via = stack_find(stack, &local, t->hop.tp);
		return;
	}
	if (stack_local_towards(&local, &t->addr))
		t->hop.via = stack_towards(stack, &local, t->hop.tp);
}

const char *trunk_unreached(const struct trunk *t, int err)
{
	return t->hop.tp == SIP_TLS && err == EPROTO
		       ? "its TLS or its certificate isn't accepted"
		       : strerror(err);
}

static bool add_source(const char *addr, unsigned prefix, void *arg)
{
	struct trunk *t = arg;
	struct source *s = &t->source[t->n_sources];

	if (t->n_sources == SOURCES_MAX || sa_set_str(&s->addr, addr, 0))
		return false;
	s->prefix = prefix;
	t->n_sources++;
	return true;
}

/* An address without its port. */
static size_t octets(uint8_t out[16], const struct sa *sa)
{
	uint32_t v4;

	if (sa_af(sa) == AF_INET6) {
		sa_in6(sa, out);
		return 16;
	}
	v4 = htonl(sa_in(sa));
	memcpy(out, &v4, sizeof(v4));
	return 4;
}

static bool is_within(const struct source *s, const struct sa *addr)
{
	uint8_t a[16], b[16];
	size_t n = octets(a, &s->addr);
	unsigned whole = s->prefix / 8, rest = s->prefix % 8;

	if (octets(b, addr) != n || memcmp(a, b, whole))
		return false;
	return !rest || !((a[whole] ^ b[whole]) >> (8 - rest));
}

static bool is_from(const struct trunk *t, const struct sip_msg *m)
{
	if (sa_cmp(&t->addr, &m->src, SA_ADDR))
		return true;
	for (unsigned i = 0; i < t->n_sources; i++)
		if (is_within(&t->source[i], &m->src))
			return true;
	return false;
}

struct trunk *trunks_source(const struct trunks *ts, const struct sip_msg *m)
{
	struct trunk *found = NULL;
	struct le *le;

	LIST_FOREACH (&ts->list, le) {
		struct trunk *t = le->data;

		if (!t->set.enabled || t->set.inbound == INBOUND_NO ||
		    message_tp(m) != t->hop.tp || !is_from(t, m))
			continue;
		/* Two behind one address differ by their port. */
		if (!found || sa_cmp(&t->addr, &m->src, SA_ALL))
			found = t;
	}
	return found;
}

/* A carrier calls more often than a phone, and is never banned for it. (Of a
 * network that is a source each address counts as anybody's.) */
static void tell_guard(const struct trunk *t,
		       void (*tell)(struct guard *g, const struct sa *sa))
{
	struct guard *g = stack_guard(t->all->cfg.stack);

	tell(g, &t->addr);
	for (unsigned i = 0; i < t->n_sources; i++) {
		const struct source *s = &t->source[i];

		if (s->prefix == (sa_af(&s->addr) == AF_INET6 ? 128 : 32))
			tell(g, &s->addr);
	}
}

static void allow(struct guard *g, const struct sa *sa)
{
	if (guard_allow(g, sa))
		log_error(0, "a trunk's address isn't exempt from the limits");
}

bool trunk_hop(const struct trunk *t, struct hop *hop)
{
	*hop = t->hop;
	return hop->via;
}

/* --------------------------------------------------------------- the list */

static void trunk_stop(struct trunk *t)
{
	if (t->guarded && t->all)
		tell_guard(t, guard_disallow);
	t->guarded = false;
	t->registration = mem_deref(t->registration);
	t->keepalive = mem_deref(t->keepalive);
}

static void trunk_destructor(void *arg)
{
	struct trunk *t = arg;

	list_unlink(&t->le);
	trunk_stop(t);
	explicit_bzero(t->password, sizeof(t->password));
}

static void trunk_go(struct trunk *t)
{
	tell_guard(t, allow);
	t->guarded = true;
	if (t->set.registers && registration_start(t))
		log_error(0, "trunk %s: registering: no memory", t->set.name);
	if (t->set.keepalive && keepalive_start(t))
		log_error(0, "trunk %s: keep-alive: no memory", t->set.name);
}

static void trunk_start(struct trunk *t, const struct store_trunk *st)
{
	t->set = st->set;
	memcpy(t->password, st->password, sizeof(t->password));
	memset(&t->challenge, 0, sizeof(t->challenge));
	t->n_sources = 0;
	t->registered = t->alive = t->silent = false;
	t->state = TRUNK_OFF;
	if (!sip_addr_parse(&t->addr, t->set.address) ||
	    !trunk_sources_each(t->set.sources, add_source, t))
		log_error(0, "trunk %s: its addresses can't be used",
			  t->set.name);
	find_hop(t);
	trunk_judge(t, NULL);
	if (t->state == TRUNK_OFF) {
		log_warn(0, "trunk %s: %s", t->set.name, t->why);
		return;
	}
	trunk_go(t);
}

/* The kernel's route to a carrier may come after control: the network is being
 * set up, or the dataplane has made its interfaces anew. */
static void look_again(void *arg)
{
	struct trunks *ts = arg;
	struct le *le;

	LIST_FOREACH (&ts->list, le) {
		struct trunk *t = le->data;

		if (!t->set.enabled || t->hop.via)
			continue;
		find_hop(t);
		trunk_judge(t, NULL);
		if (t->hop.via)
			trunk_go(t);
	}
	timer_start(&ts->look, LOOK_MS, look_again, ts);
}

static void trunk_load(const struct store_trunk *st, void *arg)
{
	struct trunks *ts = arg;
	struct trunk *t = mem_zalloc(sizeof(*t), trunk_destructor);

	if (!t)
		return;
	t->all = ts;
	list_append(&ts->list, &t->le, t);
	trunk_start(t, st);
}

struct trunk *trunks_find(const struct trunks *ts, const char *name)
{
	struct le *le;

	LIST_FOREACH (&ts->list, le) {
		struct trunk *t = le->data;

		if (!strcmp(t->set.name, name))
			return t;
	}
	return NULL;
}

void trunks_changed(struct trunks *ts, const char *name)
{
	struct trunk *t = trunks_find(ts, name);
	struct store_trunk st;

	if (t)
		registration_end(t);
	if (store_trunk_get(ts->cfg.store, name, &st)) {
		if (!t)
			return;
		list_unlink(&t->le);
		trunk_stop(t);
		t->set.enabled = 0;
		trunk_judge(t, NULL);
		t->all = NULL;
		mem_deref(t);
		return;
	}
	if (t) {
		trunk_stop(t);
		trunk_start(t, &st);
	} else {
		trunk_load(&st, ts);
	}
	explicit_bzero(st.password, sizeof(st.password));
}

static void route_load(const struct route *r, void *arg)
{
	struct trunks *ts = arg;
	struct route *more;

	more = reallocarray(ts->routes, ts->n_routes + 1, sizeof(*more));
	if (!more)
		return;
	ts->routes = more;
	ts->routes[ts->n_routes++] = *r;
}

void trunks_routes_changed(struct trunks *ts)
{
	free(ts->routes);
	ts->routes = NULL;
	ts->n_routes = 0;
	if (store_route_list(ts->cfg.store, route_load, ts))
		log_error(0, "the routes to the PSTN can't be read");
}

static void trunks_destructor(void *arg)
{
	struct trunks *ts = arg;
	struct le *le;

	timer_cancel(&ts->look);
	LIST_FOREACH (&ts->list, le)
		((struct trunk *)le->data)->all = NULL;
	list_flush(&ts->list);
	free(ts->routes);
}

int trunks_alloc(struct trunks **tsp, const struct trunks_config *cfg)
{
	struct trunks *ts = mem_zalloc(sizeof(*ts), trunks_destructor);

	if (!ts)
		return ENOMEM;
	ts->cfg = *cfg;
	if (store_trunk_list(cfg->store, trunk_load, ts)) {
		mem_deref(ts);
		return EIO;
	}
	trunks_routes_changed(ts);
	timer_start(&ts->look, LOOK_MS, look_again, ts);
	*tsp = ts;
	return 0;
}

void trunks_free(struct trunks *ts)
{
	mem_deref(ts);
}

const struct number_plan *trunks_plan(const struct trunks *ts)
{
	return &ts->cfg.plan;
}

/* ------------------------------------------------------------------ views */

const char *trunk_name(const struct trunk *t)
{
	return t->set.name;
}

const struct trunk_settings *trunk_set(const struct trunk *t)
{
	return &t->set;
}

const char *trunk_password(const struct trunk *t)
{
	return t->password;
}

struct media_profile trunk_profile(const struct trunk *t)
{
	return trunk_settings_profile(&t->set);
}

enum trunk_state trunk_state(const struct trunk *t)
{
	return t->state;
}

const char *trunk_why(const struct trunk *t)
{
	return t->why;
}

json_t *trunk_json(const struct trunk *t)
{
	json_t *j = trunk_settings_json(&t->set);

	json_object_update_new(
		j, json_pack("{s:s, s:s, s:s, s:I, s:i, s:b, s:b, s:i}", "name",
			     t->set.name, "state", states[t->state], "why",
			     t->why, "since", (json_int_t)t->since, "calls_now",
			     (int)t->calls, "password_set",
			     (int)(t->password[0] != '\0'), "registered",
			     (int)t->registered, "registered_for",
			     (int)registration_left(t)));
	return j;
}

json_t *trunks_json(const struct trunks *ts)
{
	json_t *list = json_array();
	struct le *le;

	LIST_FOREACH (&ts->list, le)
		json_array_append_new(list, trunk_json(le->data));
	return list;
}
