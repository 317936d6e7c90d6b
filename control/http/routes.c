/* SPDX-License-Identifier: Apache-2.0 */
/* The routes: one table, and the way through it. */
#include <sodium.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "control/http/impl.h"

#define RECORDS_DEFAULT 100
#define RECORDS_MAX	10000

/* A path's {part} stands for one or more octets without a slash. */
static const struct route {
	const char *method, *path;
	http_handler *handler;
	bool takes_body;
} routes[] = {
	{"GET", "/api/v1/version", api_version, false},
	{"GET", "/api/v1/calls", api_calls, false},
	{"GET", "/api/v1/calls/{id}", api_call, false},
	{"DELETE", "/api/v1/calls/{id}", api_call_hangup, false},
	{"GET", "/api/v1/records", api_records, false},
	{"GET", "/api/v1/flows", api_flows, false},
	{"GET", "/api/v1/ports", api_ports, false},
	{"GET", "/api/v1/stats", api_stats, false},
	{"GET", "/api/v1/users", api_users, false},
	{"POST", "/api/v1/users", api_user_add, true},
	{"DELETE", "/api/v1/users/{name}", api_user_remove, false},
	{"GET", "/api/v1/registrations", api_registrations, false},
};

void reply_error(struct reply *rp, int status, const char *name,
		 const char *fmt, ...)
{
	char text[256];
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	rp->status = status;
	/* the sentence may repeat what a stranger sent, in any encoding */
	for (char *p = text; *p; p++)
		if ((unsigned char)*p < ' ' || (unsigned char)*p > '~')
			*p = '?';
	rp->body = json_pack("{s:s, s:s}", "error", name, "message", text);
}

void reply_ok(struct reply *rp, json_t *body)
{
	rp->status = 200;
	rp->body = body;
}

void json_wipe(json_t *j)
{
	const char *key;
	json_t *v;

	json_object_foreach (j, key, v) {
		if (json_is_string(v))
			sodium_memzero((char *)json_string_value(v),
				       json_string_length(v));
	}
}

/* Does the path fit the pattern? What stands for its {part} goes to arg. */
static bool path_fits(const char *pattern, const char *path,
		      char arg[HTTP_ARG_MAX])
{
	size_t fixed = strcspn(pattern, "{");
	size_t n = strlen(path);

	if (!pattern[fixed])
		return strcmp(pattern, path) == 0;
	if (n <= fixed || n - fixed >= HTTP_ARG_MAX ||
	    memcmp(pattern, path, fixed) != 0 || strchr(path + fixed, '/'))
		return false;
	strcpy(arg, path + fixed);
	return true;
}

/* @return the route; else NULL, and *allow names the methods that the path
 * has, "" if there is no such path. */
static const struct route *route_find(const char *method, const char *path,
				      char arg[HTTP_ARG_MAX], char allow[64])
{
	allow[0] = '\0';
	for (size_t i = 0; i < sizeof(routes) / sizeof(routes[0]); i++) {
		if (!path_fits(routes[i].path, path, arg))
			continue;
		if (strcmp(routes[i].method, method) == 0)
			return &routes[i];
		if (allow[0])
			strcat(allow, ", ");
		strcat(allow, routes[i].method);
	}
	return NULL;
}

static bool max_read(const char *text, unsigned *out)
{
	char *end;
	unsigned long n;

	*out = RECORDS_DEFAULT;
	if (!text)
		return true;
	n = strtoul(text, &end, 10);
	if (text[0] < '0' || text[0] > '9' || *end || n == 0 || n > RECORDS_MAX)
		return false;
	*out = (unsigned)n;
	return true;
}

/* The body of a route that takes one: a JSON object. */
static json_t *body_parse(const char *body, size_t len, struct reply *rp)
{
	json_error_t e;
	json_t *j = json_loadb(body ? body : "", body ? len : 0,
			       JSON_REJECT_DUPLICATES, &e);

	if (!j) {
		/* jansson's own words might quote a password */
		reply_error(rp, 400, "bad-json",
			    "The body isn't JSON: line %d, column %d", e.line,
			    e.column);
	} else if (!json_is_object(j)) {
		reply_error(rp, 400, "bad-json", "The body isn't an object");
		json_decref(j);
		j = NULL;
	}
	return j;
}

void routes_serve(const struct http_context *ctx, const char *method,
		  const char *path, const char *query_max, const char *body,
		  size_t len, struct reply *rp)
{
	static char allow[64]; /* control's thread only; read at once */
	struct request rq = {.ctx = ctx};
	const struct route *r = route_find(method, path, rq.arg, allow);
	json_t *j = NULL;

	if (!r && !allow[0]) {
		reply_error(rp, 404, "no-such-path", "There is nothing at %s",
			    path);
		return;
	}
	if (!r) {
		rp->allow = allow;
		reply_error(rp, 405, "wrong-method",
			    "%s isn't possible here; %s is", method, allow);
		return;
	}
	if (!max_read(query_max, &rq.max)) {
		reply_error(rp, 400, "bad-query",
			    "max is a number from 1 to %d", RECORDS_MAX);
		return;
	}
	if (r->takes_body) {
		j = body_parse(body, len, rp);
		if (!j)
			return;
		rq.body = j;
	} else if (len) {
		reply_error(rp, 400, "no-body-here", "%s %s takes no body",
			    method, r->path);
		return;
	}
	r->handler(&rq, rp);
	if (j)
		json_wipe(j);
	json_decref(j);
}
