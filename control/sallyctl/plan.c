/* SPDX-License-Identifier: Apache-2.0 */
/* From what an appliance is to what a file wants: which requests it takes. */
#include <sodium.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "control/sallyctl/exchange.h"

struct plan {
	const json_t *is, *wanted;
	json_t *steps, *notes;
};

static const char *text(const json_t *j, const char *key)
{
	const char *t = json_string_value(json_object_get(j, key));

	return t ? t : "";
}

static const json_t *is(const struct plan *p, const char *key)
{
	return json_object_get(p->is, key);
}

static json_t *wanted(const struct plan *p, const char *key)
{
	return json_object_get(p->wanted, key);
}

static bool same(const json_t *a, const json_t *b, const char *key)
{
	return json_equal(json_object_get(a, key), json_object_get(b, key));
}

const json_t *exchange_find(const json_t *list, unsigned n,
			    const char *const key[], const json_t *like)
{
	json_t *v;
	size_t i;

	json_array_foreach ((json_t *)list, i, v) {
		unsigned k = 0;

		while (k < n && same(v, like, key[k]))
			k++;
		if (k == n)
			return v;
	}
	return NULL;
}

static const json_t *named(const json_t *list, const char *key,
			   const json_t *like)
{
	return exchange_find(list, 1, &key, like);
}

__attribute__((format(printf, 2, 3))) static void note(struct plan *p,
						       const char *fmt, ...)
{
	char t[256];
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(t, sizeof(t), fmt, ap);
	va_end(ap);
	json_array_append_new(p->notes, json_string(t));
}

/* fmt has a %s for each of the words, which end with NULL: escaped in the path,
 * as they are in what people read. body's reference is taken. */
static void step(struct plan *p, const char *what, const char *method,
		 json_t *body, const char *fmt, ...)
{
	char path[512], said[512];
	size_t len = 0;
	va_list ap;

	va_start(ap, fmt);
	snprintf(said, sizeof(said), "%s", what);
	while (*fmt && len + 1 < sizeof(path)) {
		const char *word;
		char *escaped;

		if (strncmp(fmt, "%s", 2) != 0) {
			path[len++] = *fmt++;
			continue;
		}
		fmt += 2;
		word = va_arg(ap, const char *);
		escaped = client_escape(word);
		len += (size_t)snprintf(path + len, sizeof(path) - len, "%s",
					escaped ? escaped : "");
		free(escaped);
		if (len >= sizeof(path))
			len = sizeof(path) - 1;
	}
	va_end(ap);
	path[len] = '\0';
	json_array_append_new(p->steps,
			      json_pack("{s:s, s:s, s:s, s:o*}", "what", said,
					"method", method, "path", path, "body",
					body));
}

__attribute__((format(printf, 1, 2))) static const char *said(const char *fmt,
							      ...)
{
	static char t[320]; /* used at once */
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(t, sizeof(t), fmt, ap);
	va_end(ap);
	return t;
}

/* ------------------------------------------------------------------ users */

static json_t *user_body(struct plan *p, const json_t *u)
{
	const char *name = text(u, "name");
	json_t *ha1 = json_object_get(u, "ha1");
	unsigned char random[24];
	char password[sizeof(random) * 2 + 1];
	json_t *body = json_pack("{s:s, s:s}", "name", name, "display",
				 text(u, "display"));

	if (json_is_string(ha1)) {
		json_object_set(body, "ha1", ha1);
		return body;
	}
	/* it has to have one, and nobody knows it */
	randombytes_buf(random, sizeof(random));
	sodium_bin2hex(password, sizeof(password), random, sizeof(random));
	json_object_set_new(body, "password", json_string(password));
	sodium_memzero(random, sizeof(random));
	sodium_memzero(password, sizeof(password));
	note(p, "%s can't register before \"sallyctl users password %s\"", name,
	     name);
	return body;
}

static void plan_user(struct plan *p, const json_t *u)
{
	const char *name = text(u, "name");
	const json_t *had = named(is(p, "users"), "name", u);
	static const char *const switches[] = {"e2ee", "compliance"};

	if (!had)
		step(p, said("add user %s", name), "POST", user_body(p, u),
		     "/users");
	else if (!same(had, u, "display"))
		note(p, "%s is shown as \"%s\" here, and stays so", name,
		     text(had, "display"));
	if (!same(had, u, "profile") && json_object_get(u, "profile"))
		step(p, said("set the media profile of user %s", name), "PUT",
		     json_incref(json_object_get(u, "profile")),
		     "/users/%s/profile", name);
	for (int i = 0; i < 2; i++) {
		json_t *on = json_object_get(u, switches[i]);

		if (!on ||
		    json_is_true(on) ==
			    json_is_true(json_object_get(had, switches[i])))
			continue;
		step(p,
		     said("turn %s of user %s %s", switches[i], name,
			  json_is_true(on) ? "on" : "off"),
		     "PUT", json_pack("{s:O}", "on", on),
		     i ? "/users/%s/compliance" : "/users/%s/e2ee", name);
	}
	if (json_object_get(u, "dial") && !same(had, u, "dial") &&
	    (had || strcmp(text(u, "dial"), "internal") != 0))
		step(p,
		     said("let user %s dial %s numbers", name, text(u, "dial")),
		     "PUT",
		     json_pack("{s:O}", "dial", json_object_get(u, "dial")),
		     "/users/%s/dial", name);
}

/* -------------------------------------------- groups, policies, who has them */

static void plan_group(struct plan *p, const json_t *g)
{
	const char *name = text(g, "name");
	const json_t *had = named(is(p, "groups"), "name", g);
	json_t *m, *h;
	size_t i, k;

	if (!had)
		step(p, said("add group %s", name), "POST",
		     json_pack("{s:s}", "name", name), "/groups");
	json_array_foreach (json_object_get(g, "members"), i, m) {
		bool in = false;

		json_array_foreach (json_object_get(had, "members"), k, h)
			in = in || json_equal(h, m);
		if (!in)
			step(p,
			     said("put user %s into group %s",
				  json_string_value(m), name),
			     "PUT", NULL, "/groups/%s/members/%s", name,
			     json_string_value(m));
	}
}

static void plan_policy(struct plan *p, const json_t *w)
{
	const char *name = text(w, "identity");
	const json_t *had = named(is(p, "policies"), "identity", w);
	json_t *body;

	if (had && json_equal(had, w))
		return;
	body = json_deep_copy(w);
	if (had)
		json_object_del(body, "identity");
	step(p, said("%s policy %s", had ? "change" : "add", name),
	     had ? "PATCH" : "POST", body, had ? "/policies/%s" : "/policies",
	     name);
}

static void plan_grant(struct plan *p, const json_t *g)
{
	static const char *const who[] = {"to", "name"};
	const json_t *had = exchange_find(is(p, "grants"), 2, who, g);
	json_t *body, *rank = json_object_get(g, "rank");

	if (had && same(had, g, "policy") && same(had, g, "rank"))
		return;
	body = json_pack("{s:s}", text(g, "to"), text(g, "name"));
	if (json_is_integer(rank))
		json_object_set(body, "rank", rank);
	step(p,
	     said("grant policy %s to %s %s", text(g, "policy"), text(g, "to"),
		  text(g, "name")),
	     "POST", body, "/policies/%s/grants", text(g, "policy"));
}

/* ------------------------------------------------------------------- PSTN */

static void plan_trunk(struct plan *p, const json_t *t)
{
	const char *name = text(t, "name");
	const json_t *had = named(is(p, "trunks"), "name", t);
	json_t *body;

	if (had && json_equal(had, t))
		return;
	body = json_deep_copy(t);
	if (had)
		json_object_del(body, "name");
	else if (text(t, "user")[0])
		note(p,
		     "trunk %s has no password before \"sallyctl trunk set "
		     "%s --password-stdin\"",
		     name, name);
	step(p, said("%s trunk %s", had ? "change" : "add", name),
	     had ? "PATCH" : "POST", body, had ? "/trunks/%s" : "/trunks",
	     name);
}

static void plan_route(struct plan *p, const json_t *r)
{
	static const char *const which[] = {"prefix", "trunk"};
	const json_t *had = exchange_find(is(p, "routes"), 2, which, r);
	const char *prefix = text(r, "prefix"), *trunk = text(r, "trunk");

	if (had && json_equal(had, r))
		return;
	if (had && !trunk[0]) {
		note(p, "%s is blocked in another way here, and stays so",
		     prefix);
		return;
	}
	if (had)
		step(p, said("remove route %s to %s", prefix, trunk), "DELETE",
		     NULL, "/routes/%s/%s", prefix, trunk);
	step(p,
	     said("add route %s %s%s", prefix, trunk[0] ? "to " : "",
		  trunk[0] ? trunk : text(r, "kind")),
	     "POST", json_deep_copy(r), "/routes");
}

static void plan_number(struct plan *p, const json_t *n)
{
	const json_t *had = named(is(p, "numbers"), "number", n);
	const char *user = text(n, "user"), *number = text(n, "number");
	json_t *body = json_pack("{s:s, s:s}", "number", number,
				 user[0] ? "user" : "group",
				 user[0] ? user : text(n, "group"));

	if (had && json_equal(had, n)) {
		json_decref(body);
		return;
	}
	if (had)
		step(p, said("take number %s away", number), "DELETE", NULL,
		     "/numbers/%s", number);
	step(p,
	     said("give number %s to %s", number,
		  user[0] ? user : text(n, "group")),
	     "POST", body, "/numbers");
}

/* In the order that each needs those before. */
static const struct {
	const char *list;
	void (*f)(struct plan *p, const json_t *entry);
} kinds[] = {
	{"users", plan_user},	   {"groups", plan_group},
	{"policies", plan_policy}, {"grants", plan_grant},
	{"trunks", plan_trunk},	   {"routes", plan_route},
	{"numbers", plan_number},
};

json_t *exchange_plan(const json_t *from, const json_t *to, json_t *notes)
{
	struct plan p = {from, to, json_array(), notes};
	json_t *v, *config = wanted(&p, "config");
	size_t i;

	for (size_t k = 0; k < sizeof(kinds) / sizeof(kinds[0]); k++)
		json_array_foreach (wanted(&p, kinds[k].list), i, v)
			kinds[k].f(&p, v);
	/* last: it may move the very listener that this comes by */
	if (json_is_string(config) && !json_equal(config, is(&p, "config")))
		step(&p, "apply the configuration", "PUT",
		     json_pack("{s:O}", "text", config), "/config");
	return p.steps;
}
