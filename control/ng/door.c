/* SPDX-License-Identifier: Apache-2.0 */
/* The door itself: who may speak, what has been answered already, and the life
 * of it all. */
#include <errno.h>
#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "control/log.h"
#include "control/ng/impl.h"

#define TICK_MS	       1000
#define TOLD_MS	       60000 /* strangers are logged at most so often */
#define UNKNOWN_MAX    64    /* names of flags that are remembered */
#define UNKNOWN_LENGTH 64

/* Who is beyond the door when nothing is said: this machine. */
static const char *const allow_default[] = {"127.0.0.0/8", "::1/128"};

bool ng_allowed(struct ng *ng, const struct sa *from)
{
	uint64_t now = tmr_jiffies();

	for (unsigned i = 0; i < ng->n_allow; i++)
		if (ng_network_has(&ng->allow[i], from))
			return true;
	ng->counts.refused_source++;
	if (!ng->told_at || now - ng->told_at >= TOLD_MS) {
		char text[64];

		re_snprintf(text, sizeof(text), "%j", from);
		log_warn(0,
			 "ng: %s isn't in control.ng.allow; not answered (%llu "
			 "so far)",
			 text, (unsigned long long)ng->counts.refused_source);
		ng->told_at = now;
	}
	return false;
}

/* A flag that the table hasn't: said once, for whoever wrote the proxy's
 * script. */
struct unknown {
	struct le le;
	char name[UNKNOWN_LENGTH];
};

static void unknown_flag(struct pl name, void *arg)
{
	struct ng *ng = arg;
	struct unknown *u;
	struct le *le;

	LIST_FOREACH (&ng->unknown, le)
		if (flags_same(name, ((struct unknown *)le->data)->name))
			return;
	if (list_count(&ng->unknown) >= UNKNOWN_MAX)
		return;
	u = mem_zalloc(sizeof(*u), NULL);
	if (!u || name.l >= sizeof(u->name)) {
		mem_deref(u);
		return;
	}
	memcpy(u->name, name.p, name.l);
	list_append(&ng->unknown, &u->le, u);
	log_warn(0, "ng: the flag \"%s\" isn't known, and is ignored", u->name);
}

static void carry_out(struct ng *ng, const struct sa *from,
		      const struct wire_message *m, json_t *reply)
{
	char who[64], by[72];
	struct ng_request rq = {.ng = ng, .reply = reply, .by = by};
	const char *why;

	re_snprintf(who, sizeof(who), "%j", from);
	snprintf(by, sizeof(by), "ng %s", who);
	if (!m->dict) {
		ng_fail(&rq, "Could not decode dictionary: %s", m->text);
		return;
	}
	why = flags_read(&rq.f, m->dict, unknown_flag, ng);
	if (why)
		ng_fail(&rq, "%s", why);
	else
		ng_command(&rq);
	why = json_string_value(json_object_get(reply, "error-reason"));
	if (!why)
		return;
	ng->counts.errors++;
	log_info(0, "ng: %.*s from %s: %s", (int)rq.f.command.l,
		 rq.f.command.l ? rq.f.command.p : "", who, why);
}

/* One that isn't kept for a repetition: no cookie, or no memory for it. */
static const char *answer_once(struct ng *ng, char *answer, size_t len)
{
	if (ng->answer) {
		sodium_memzero(ng->answer, ng->answer_len);
		free(ng->answer);
	}
	ng->answer = answer;
	ng->answer_len = len;
	return answer;
}

const char *ng_serve(struct ng *ng, const struct sa *from,
		     const struct wire_message *m, size_t *len)
{
	struct sp_addr a = sip_addr_media(from);
	uint64_t now = tmr_jiffies();
	const char *had;
	json_t *reply;
	char *answer;

	ng->counts.requests++;
	had = m->cookie_len ? cache_find(ng->cache, a.addr, sizeof(a.addr),
					 m->cookie, m->cookie_len, now, len)
			    : NULL;
	if (had) {
		ng->counts.repeated++;
		return had;
	}
	reply = json_object();
	if (!reply)
		return NULL;
	carry_out(ng, from, m, reply);
	answer = wire_write(m->cookie, m->cookie_len, m->format, reply, len);
	json_decref(reply);
	if (!answer || !m->cookie_len)
		return answer_once(ng, answer, answer ? *len : 0);
	return cache_put(ng->cache, a.addr, sizeof(a.addr), m->cookie,
			 m->cookie_len, now, answer, *len);
}

/* --------------------------------------------------------------------- life */

static void tick(void *arg)
{
	struct ng *ng = arg;
	uint64_t now = tmr_jiffies();
	struct le *le = list_head(&ng->waiting);

	while (le) {
		struct ng_session *s = le->data;

		le = le->next;
		if (s->delete_at <= now)
			ng_session_end(s, CALL_BY_CALLER, s->up ? 200 : 487,
				       NULL);
	}
	ng_dialled(ng, now);
	cache_expire(ng->cache, now);
	tmr_start(&ng->tick, TICK_MS, tick, ng);
}

/* The configuration has been checked; this takes it over. */
static void settings(struct ng *ng, const struct config_ng *c)
{
	for (unsigned i = 0; i < c->allow_count && i < NG_NETWORKS_MAX; i++)
		if (ng_network_parse(&ng->allow[ng->n_allow], c->allow[i]))
			ng->n_allow++;
	for (size_t i = 0; !c->allow_count && i < ARRAY_SIZE(allow_default);
	     i++)
		if (ng_network_parse(&ng->allow[ng->n_allow], allow_default[i]))
			ng->n_allow++;
	for (unsigned i = 0; i < c->interfaces_count && i < NG_INTERFACES_MAX;
	     i++)
		if (ng_interface_parse(&ng->interface[ng->n_interface],
				       c->interfaces[i]))
			ng->n_interface++;
	ng->limit = c->calls;
}

static int listen_all(struct ng *ng, const struct config_ng *c, char *err,
		      size_t errlen)
{
	static int (*const open[])(struct ng *, const struct sa *) = {
		[NG_UDP] = ng_udp_listen,
		[NG_TCP] = ng_tcp_listen,
		[NG_HTTP] = ng_http_listen,
	};

	for (unsigned i = 0; i < c->listen_count; i++) {
		struct ng_listen l;
		int e = EINVAL;

		if (ng_listen_parse(&l, c->listen[i]))
			e = open[l.tp](ng, &l.addr);
		if (e) {
			snprintf(err, errlen, "ng: listening on %s: %s",
				 c->listen[i], strerror(e));
			return e;
		}
		log_info(0, "ng: listening on %s", c->listen[i]);
	}
	return 0;
}

static void ng_destructor(void *arg)
{
	struct ng *ng = arg;

	tmr_cancel(&ng->tick);
	list_flush(&ng->listeners);
	list_flush(&ng->unknown);
	cache_free(ng->cache);
	answer_once(ng, NULL, 0);
}

int ng_alloc(struct ng **ngp, const struct ng_door_config *cfg, char *err,
	     size_t errlen)
{
	struct ng *ng = mem_zalloc(sizeof(*ng), ng_destructor);
	int e = ENOMEM;

	snprintf(err, errlen, "ng: no memory");
	if (!ng)
		return ENOMEM;
	ng->cfg = *cfg;
	ng->started = time(NULL);
	tmr_init(&ng->tick);
	randombytes_buf(ng->secret, sizeof(ng->secret));
	settings(ng, cfg->ng);
	ng->cache = cache_new();
	if (ng->cache)
		e = calls_add_door(cfg->calls, &ng_call_door, ng);
	if (!e)
		e = listen_all(ng, cfg->ng, err, errlen);
	if (e) {
		mem_deref(ng);
		return e;
	}
	tmr_start(&ng->tick, TICK_MS, tick, ng);
	*ngp = ng;
	return 0;
}

void ng_stop(struct ng *ng)
{
	if (!ng || ng->stopping)
		return;
	ng->stopping = true;
	for (unsigned i = 0; i < NG_BUCKETS; i++) {
		struct le *le = list_head(&ng->sessions[i]);

		while (le) {
			struct ng_session *s = le->data;

			le = le->next;
			if (!s->up)
				ng_session_end(s, CALL_BY_GATEWAY, 503,
					       "the gateway is stopping");
		}
	}
}

void ng_free(struct ng *ng)
{
	/* sessions that are up belong to the next start, as their calls do */
	mem_deref(ng);
}
