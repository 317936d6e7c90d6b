/* SPDX-License-Identifier: Apache-2.0 */
/* The routes: one table, and the way through it. */
#include <errno.h>
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
	enum role need; /* to be allowed here, access.h */
} routes[] = {
	{"GET", "/api/v1/version", api_version, false, ROLE_READ},
	{"GET", "/api/v1/calls", api_calls, false, ROLE_READ},
	{"GET", "/api/v1/calls/{id}", api_call, false, ROLE_READ},
	{"DELETE", "/api/v1/calls/{id}", api_call_hangup, false, ROLE_OPERATE},
	{"POST", "/api/v1/calls/{id}/recording", api_call_record, false,
	 ROLE_OPERATE},
	{"DELETE", "/api/v1/calls/{id}/recording", api_call_record_end, false,
	 ROLE_OPERATE},
	{"POST", "/api/v1/calls/{id}/transcription", api_call_transcribe, false,
	 ROLE_OPERATE},
	{"DELETE", "/api/v1/calls/{id}/transcription", api_call_transcribe_end,
	 false, ROLE_OPERATE},
	{"POST", "/api/v1/calls/{id}/captions", api_call_caption, false,
	 ROLE_OPERATE},
	{"DELETE", "/api/v1/calls/{id}/captions", api_call_caption_end, false,
	 ROLE_OPERATE},
	{"POST", "/api/v1/calls/{id}/features/{name}", api_call_feature, false,
	 ROLE_OPERATE},
	{"POST", "/api/v1/calls/{id}/park", api_call_park, true, ROLE_OPERATE},
	{"POST", "/api/v1/calls/{id}/merge", api_call_merge, true,
	 ROLE_OPERATE},
	{"POST", "/api/v1/calls/{id}/add", api_call_add, true, ROLE_OPERATE},
	{"POST", "/api/v1/calls/{id}/transfer", api_call_transfer, true,
	 ROLE_OPERATE},
	{"GET", "/api/v1/parked", api_parked, false, ROLE_READ},
	{"GET", "/api/v1/conferences", api_conferences, false, ROLE_READ},
	{"GET", "/api/v1/records", api_records, false, ROLE_READ},
	{"GET", "/api/v1/records/count", api_records_count, false, ROLE_READ},
	{"GET", "/api/v1/records.csv", api_records_csv, false, ROLE_READ},
	{"GET", "/api/v1/recordings", api_recordings, false, ROLE_READ},
	{"GET", "/api/v1/recordings/{id}", api_recording, false, ROLE_READ},
	{"DELETE", "/api/v1/recordings/{id}", api_recording_remove, false,
	 ROLE_ADMINISTER},
	{"GET", "/api/v1/recordings/{id}/sealed", api_recording_sealed, false,
	 ROLE_OPERATE},
	{"GET", "/api/v1/features", api_features, false, ROLE_READ},
	{"GET", "/api/v1/flows", api_flows, false, ROLE_READ},
	{"POST", "/api/v1/bench/flows", api_bench_set, true, ROLE_OPERATE},
	{"DELETE", "/api/v1/bench/flows", api_bench_clear, false, ROLE_OPERATE},
	{"GET", "/api/v1/ports", api_ports, false, ROLE_READ},
	{"GET", "/api/v1/stats", api_stats, false, ROLE_READ},
	{"GET", "/api/v1/users", api_users, false, ROLE_READ},
	{"POST", "/api/v1/users", api_user_add, true, ROLE_ADMINISTER},
	{"DELETE", "/api/v1/users/{name}", api_user_remove, false,
	 ROLE_ADMINISTER},
	{"PUT", "/api/v1/users/{name}/password", api_user_password, true,
	 ROLE_ADMINISTER},
	{"GET", "/api/v1/users/{name}/ha1", api_user_ha1, false,
	 ROLE_ADMINISTER},
	{"GET", "/api/v1/users/{name}/profile", api_profile, false, ROLE_READ},
	{"PUT", "/api/v1/users/{name}/profile", api_profile_set, true,
	 ROLE_ADMINISTER},
	{"PUT", "/api/v1/users/{name}/e2ee", api_user_e2ee, true,
	 ROLE_ADMINISTER},
	{"PUT", "/api/v1/users/{name}/compliance", api_user_compliance, true,
	 ROLE_ADMINISTER},
	{"GET", "/api/v1/users/{name}/policy", api_effective, false, ROLE_READ},
	{"GET", "/api/v1/users/{name}/policy/{peer}", api_effective_pair, false,
	 ROLE_READ},
	{"GET", "/api/v1/policies", api_policies, false, ROLE_READ},
	{"POST", "/api/v1/policies", api_policy_new, true, ROLE_ADMINISTER},
	{"GET", "/api/v1/policies/{name}", api_policy, false, ROLE_READ},
	{"PATCH", "/api/v1/policies/{name}", api_policy_set, true,
	 ROLE_ADMINISTER},
	{"DELETE", "/api/v1/policies/{name}", api_policy_remove, false,
	 ROLE_ADMINISTER},
	{"POST", "/api/v1/policies/{name}/grants", api_policy_grant, true,
	 ROLE_ADMINISTER},
	{"GET", "/api/v1/grants", api_grants, false, ROLE_READ},
	{"DELETE", "/api/v1/grants/users/{name}", api_revoke_user, false,
	 ROLE_ADMINISTER},
	{"DELETE", "/api/v1/grants/groups/{name}", api_revoke_group, false,
	 ROLE_ADMINISTER},
	{"GET", "/api/v1/groups", api_groups, false, ROLE_READ},
	{"POST", "/api/v1/groups", api_group_add, true, ROLE_ADMINISTER},
	{"DELETE", "/api/v1/groups/{name}", api_group_remove, false,
	 ROLE_ADMINISTER},
	{"GET", "/api/v1/groups/{name}/members", api_members, false, ROLE_READ},
	{"PUT", "/api/v1/groups/{name}/members/{user}", api_member_add, false,
	 ROLE_ADMINISTER},
	{"DELETE", "/api/v1/groups/{name}/members/{user}", api_member_remove,
	 false, ROLE_ADMINISTER},
	{"GET", "/api/v1/audit", api_audit, false, ROLE_READ},
	{"GET", "/api/v1/audit/head", api_audit_head, false, ROLE_READ},
	{"GET", "/api/v1/audit/verify", api_audit_verify, false, ROLE_READ},
	{"GET", "/api/v1/registrations", api_registrations, false, ROLE_READ},
	{"GET", "/api/v1/openapi.json", api_openapi, false, ROLE_NOBODY},
	{"POST", "/api/v1/session", api_login, true, ROLE_NOBODY},
	{"GET", "/api/v1/session", api_session, false, ROLE_ANY},
	{"DELETE", "/api/v1/session", api_logout, false, ROLE_ANY},
	{"PUT", "/api/v1/session/password", api_password, true, ROLE_READ},
	{"GET", "/api/v1/admins", api_admins, false, ROLE_ADMINISTER},
	{"POST", "/api/v1/admins", api_admin_add, true, ROLE_ADMINISTER},
	{"PATCH", "/api/v1/admins/{name}", api_admin_set, true,
	 ROLE_ADMINISTER},
	{"DELETE", "/api/v1/admins/{name}", api_admin_remove, false,
	 ROLE_ADMINISTER},
	{"GET", "/api/v1/tokens", api_tokens, false, ROLE_ADMINISTER},
	{"POST", "/api/v1/tokens", api_token_add, true, ROLE_ADMINISTER},
	{"DELETE", "/api/v1/tokens/{name}", api_token_remove, false,
	 ROLE_ADMINISTER},
	{"GET", "/api/v1/me", api_me, false, ROLE_USER},
	{"PUT", "/api/v1/me/e2ee", api_me_e2ee, true, ROLE_USER},
	{"GET", "/api/v1/me/forward", api_me_forward, false, ROLE_USER},
	{"PUT", "/api/v1/me/forward", api_me_forward_set, true, ROLE_USER},
	{"GET", "/api/v1/me/devices", api_me_devices, false, ROLE_USER},
	{"GET", "/api/v1/certificate", api_certificate, false, ROLE_READ},
	{"PUT", "/api/v1/certificate", api_certificate_set, true,
	 ROLE_ADMINISTER},
	{"GET", "/api/v1/metrics", api_metrics, false, ROLE_READ},
	{"GET", "/metrics", api_metrics, false, ROLE_READ},
	{"GET", "/api/v1/events", api_events, false, ROLE_READ},
	{"GET", "/api/v1/users/{name}/devices", api_user_devices, false,
	 ROLE_READ},
	{"GET", "/api/v1/config", api_config, false, ROLE_ADMINISTER},
	{"PUT", "/api/v1/config", api_config_apply, true, ROLE_ADMINISTER},
	{"POST", "/api/v1/config/check", api_config_check, true,
	 ROLE_ADMINISTER},
	{"POST", "/api/v1/config/confirm", api_config_confirm, false,
	 ROLE_ADMINISTER},
	{"DELETE", "/api/v1/config/confirm", api_config_revert, false,
	 ROLE_ADMINISTER},
	{"GET", "/api/v1/alarms", api_alarms, false, ROLE_READ},
	{"GET", "/api/v1/system", api_system, false, ROLE_READ},
	{"GET", "/api/v1/firmware", api_firmware, false, ROLE_READ},
	{"PUT", "/api/v1/firmware/bundle", api_firmware_bundle, true,
	 ROLE_ADMINISTER},
	{"POST", "/api/v1/firmware/install", api_firmware_install, true,
	 ROLE_ADMINISTER},
	{"POST", "/api/v1/firmware/rollback", api_firmware_rollback, true,
	 ROLE_ADMINISTER},
	{"POST", "/api/v1/firmware/restart", api_firmware_restart, true,
	 ROLE_ADMINISTER},
	{"DELETE", "/api/v1/firmware/restart", api_firmware_cancel, false,
	 ROLE_ADMINISTER},
	{"POST", "/api/v1/firmware/reset", api_firmware_reset, true,
	 ROLE_ADMINISTER},
	{"GET", "/api/v1/bans", api_bans, false, ROLE_READ},
	{"POST", "/api/v1/bans", api_ban_add, true, ROLE_OPERATE},
	{"DELETE", "/api/v1/bans/{source}", api_ban_remove, false,
	 ROLE_OPERATE},
	{"GET", "/api/v1/users/{name}/forward", api_forward, false, ROLE_READ},
	{"PUT", "/api/v1/users/{name}/forward", api_forward_set, true,
	 ROLE_ADMINISTER},
	{"GET", "/api/v1/users/{name}/dial", api_dial, false, ROLE_READ},
	{"PUT", "/api/v1/users/{name}/dial", api_dial_set, true,
	 ROLE_ADMINISTER},
	{"GET", "/api/v1/trunks", api_trunks, false, ROLE_READ},
	{"POST", "/api/v1/trunks", api_trunk_add, true, ROLE_ADMINISTER},
	{"GET", "/api/v1/trunks/{name}", api_trunk, false, ROLE_READ},
	{"PATCH", "/api/v1/trunks/{name}", api_trunk_set, true,
	 ROLE_ADMINISTER},
	{"DELETE", "/api/v1/trunks/{name}", api_trunk_remove, false,
	 ROLE_ADMINISTER},
	{"GET", "/api/v1/routes", api_routes, false, ROLE_READ},
	{"POST", "/api/v1/routes", api_route_add, true, ROLE_ADMINISTER},
	{"GET", "/api/v1/routes/test", api_route_test, false, ROLE_READ},
	{"DELETE", "/api/v1/routes/{prefix}", api_route_remove, false,
	 ROLE_ADMINISTER},
	{"DELETE", "/api/v1/routes/{prefix}/{trunk}", api_route_remove_one,
	 false, ROLE_ADMINISTER},
	{"GET", "/api/v1/numbers", api_numbers, false, ROLE_READ},
	{"POST", "/api/v1/numbers", api_number_add, true, ROLE_ADMINISTER},
	{"DELETE", "/api/v1/numbers/{number}", api_number_remove, false,
	 ROLE_ADMINISTER},
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

/* Does the path fit the pattern? What stands for its {parts} goes to arg. */
static bool path_fits(const char *pattern, const char *path,
		      char arg[HTTP_ARGS][HTTP_ARG_MAX])
{
	unsigned n = 0;

	while (*pattern) {
		size_t len;

		if (*pattern != '{') {
			if (*pattern++ != *path++)
				return false;
			continue;
		}
		len = strcspn(path, "/");
		if (len == 0 || len >= HTTP_ARG_MAX || n == HTTP_ARGS)
			return false;
		memcpy(arg[n], path, len);
		arg[n++][len] = '\0';
		path += len;
		pattern = strchr(pattern, '}') + 1;
	}
	return *path == '\0';
}

/* @return the route; else NULL, and *allow names the methods that the path
 * has, "" if there is no such path. */
static const struct route *route_find(const char *method, const char *path,
				      char arg[HTTP_ARGS][HTTP_ARG_MAX],
				      char allow[64])
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

bool request_number(const struct request *rq, const char *name, int64_t *out)
{
	const char *text = request_query(rq, name);
	char *end;
	long long n;

	if (!text)
		return true;
	errno = 0;
	n = strtoll(text, &end, 10);
	if (text[0] < '0' || text[0] > '9' || *end || errno)
		return false;
	*out = n;
	return true;
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

/* A change that a browser brings needs, beside the cookie that it sends to
 * whoever makes it ask, the secret that only our own page knows. */
static bool csrf_right(const struct request *rq, const char *method)
{
	const char *had = request_header(rq, "X-CSRF-Token");
	const char *want;

	if (!rq->who.session || strcmp(method, "GET") == 0)
		return true;
	want = session_csrf(rq->who.session);
	return had && strlen(had) == strlen(want) &&
	       sodium_memcmp(had, want, strlen(want)) == 0;
}

static bool allowed(const struct request *rq, const struct route *r,
		    struct reply *rp)
{
	if (!access_may(&rq->who, r->need)) {
		if (rq->who.role == ROLE_NOBODY)
			reply_error(rp, 401, "login-needed",
				    "Log in, or send a token");
		else
			reply_error(rp, 403, "role-needed",
				    "This takes the role %s, and yours is %s",
				    role_names[r->need],
				    role_names[rq->who.role]);
		return false;
	}
	if (csrf_right(rq, r->method))
		return true;
	reply_error(rp, 403, "csrf",
		    "The header X-CSRF-Token isn't this session's");
	return false;
}

/* The one whose body is octets. */
static bool takes_file(const struct route *r)
{
	return r->handler == api_firmware_bundle;
}

bool routes_takes_file(const char *method, const char *path)
{
	char arg[HTTP_ARGS][HTTP_ARG_MAX] = {"", ""}, allow[64];
	const struct route *r = route_find(method, path, arg, allow);

	return r && takes_file(r);
}

const char *routes_file(struct request *rq, const char *method,
			const char *path, struct reply *rp)
{
	char arg[HTTP_ARGS][HTTP_ARG_MAX] = {"", ""}, allow[64];
	const struct route *r = route_find(method, path, arg, allow);

	return allowed(rq, r, rp) ? firmware_bundle_path(rq, rp) : NULL;
}

void routes_serve(struct request *rq, const char *method, const char *path,
		  const char *body, size_t len, struct reply *rp)
{
	static char allow[64]; /* control's thread only; read at once */
	char arg[HTTP_ARGS][HTTP_ARG_MAX] = {"", ""};
	const struct route *r = route_find(method, path, arg, allow);
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
	if (!allowed(rq, r, rp))
		return;
	if (!max_read(request_query(rq, "max"), &rq->max)) {
		reply_error(rp, 400, "bad-query",
			    "max is a number from 1 to %d", RECORDS_MAX);
		return;
	}
	memcpy(rq->arg, arg[0], sizeof(rq->arg));
	memcpy(rq->arg2, arg[1], sizeof(rq->arg2));
	if (r->takes_body && !takes_file(r)) {
		j = body_parse(body, len, rp);
		if (!j)
			return;
		rq->body = j;
	} else if (len && !takes_file(r)) {
		reply_error(rp, 400, "no-body-here", "%s %s takes no body",
			    method, r->path);
		return;
	}
	r->handler(rq, rp);
	if (j)
		json_wipe(j);
	json_decref(j);
	rq->body = NULL;
}
