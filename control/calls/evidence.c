/* SPDX-License-Identifier: Apache-2.0 */
/* control/calls/evidence.c - end-to-end encryption as a call's affair: what
 * policy says of its parties, what the gate says of a feature, and what of both
 * goes into the audit log. */
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include "control/audit/audit.h"
#include "control/calls/impl.h"
#include "control/log.h"
#include "control/sdp/sdp.h"
#include "control/store/policy.h"

/* Of one feature and call: who asks on and on shall not fill the disk. The end
 * of the call says how often it was. */
#define REFUSALS_ON_RECORD 8

/* The user part of an AOR. */
static void user_of(const char *aor, char user[POLICY_USER_MAX + 1])
{
	const char *p = strchr(aor, ':');
	size_t n;

	p = p ? p + 1 : aor;
	n = strcspn(p, "@");
	snprintf(user, POLICY_USER_MAX + 1, "%.*s", (int)n, p);
}

static void subject_of(struct call *c, enum leg l, struct policy_subject *out)
{
	char user[POLICY_USER_MAX + 1];

	user_of(call_party(c, l), user);
	if (store_policy_subject(c->all->cfg.store, user, out) != 0)
		out->known = false; /* a database that fails allows nothing */
}

void call_ask_policy(struct call *c, struct media *m)
{
	struct policy_subject party[2];
	struct policy_answer a;

	subject_of(c, LEG_A, &party[LEG_A]);
	subject_of(c, LEG_B, &party[LEG_B]);
	a = policy_e2ee(&party[LEG_A], &party[LEG_B]);
	media_allow_e2ee(m, a.allowed, a.reason);
	log_debug(c->id, "end-to-end encryption: %s",
		  a.allowed ? "allowed" : a.error);
}

bool call_complies(struct call *c)
{
	struct policy_subject party[2];

	subject_of(c, LEG_A, &party[LEG_A]);
	subject_of(c, LEG_B, &party[LEG_B]);
	return (party[LEG_A].known && party[LEG_A].compliance) ||
	       (party[LEG_B].known && party[LEG_B].compliance);
}

bool call_offers_e2ee(const char *sdp, size_t len)
{
	struct sdp_error e;
	struct sdp_view v;
	struct sdp *s = sdp_parse(sdp, len, &e);
	bool has = s && sdp_attr_find(s, SDP_SESSION, "e2ee", &v);

	sdp_free(s);
	return has;
}

void call_heard_offer(struct call *c, const char *sdp, size_t len)
{
	struct policy_subject caller;

	if (!call_offers_e2ee(sdp, len))
		return;
	subject_of(c, LEG_A, &caller);
	c->e2ee_offered |= policy_e2ee(&caller, &caller).allowed;
}

enum call_kind call_kind(const struct call *c)
{
	bool e2ee = c->path ? path_e2ee(c->path) == E2EE_ON : c->e2ee_offered;

	return e2ee ? CALL_E2EE : CALL_ORDINARY;
}

const char *call_party(const struct call *c, enum leg l)
{
	return l == LEG_A ? c->from : c->to;
}

/* Text from outside as JSON; what isn't UTF-8 can't be. */
static json_t *text(const char *s)
{
	json_t *j = s ? json_string(s) : NULL;

	return j ? j : json_null();
}

static json_t *subject_json(struct call *c, enum leg l)
{
	struct policy_subject s;

	subject_of(c, l, &s);
	return json_pack("{s:o, s:s, s:s}", "aor", text(call_party(c, l)),
			 "policy", s.policy, "by", policy_grant_name(s.by));
}

void evidence_up(struct call *c)
{
	if (call_kind(c) == CALL_E2EE)
		audit_add(c->all->cfg.audit, "call-started",
			  json_pack("{s:I, s:s, s:o, s:o}", "call",
				    (json_int_t)c->id, "protection",
				    "end-to-end", "from",
				    subject_json(c, LEG_A), "to",
				    subject_json(c, LEG_B)));
}

void evidence_end(struct call *c, const char *ended_by, int status,
		  const char *reason)
{
	unsigned refused = 0;

	if (call_kind(c) != CALL_E2EE || !c->path)
		return;
	for (int f = 0; f < FEATURE_COUNT; f++)
		refused += c->refused[f];
	audit_add(c->all->cfg.audit, "call-ended",
		  json_pack("{s:I, s:s, s:i, s:o, s:I, s:i}", "call",
			    (json_int_t)c->id, "ended_by", ended_by, "status",
			    status, "reason", text(reason), "seconds",
			    (json_int_t)(c->answered ? call_now() - c->answered
						     : 0),
			    "refused", (int)refused));
}

struct feature_answer call_may(struct call *c, enum feature f, const char *by,
			       const char *how)
{
	enum call_kind kind = c ? call_kind(c) : CALL_ORDINARY;
	struct feature_answer a = features_may(kind, f);

	if (a.allowed)
		return a;
	log_info(c ? c->id : 0, "%s asks for %s (%s): %s", by, a.name, how,
		 a.error);
	if (kind != CALL_E2EE || (unsigned)f >= FEATURE_COUNT)
		return a;
	c->all->totals.refused++;
	if (c->refused[f]++ >= REFUSALS_ON_RECORD)
		return a;
	audit_add(c->all->cfg.audit, "feature-refused",
		  json_pack("{s:I, s:s, s:s, s:i, s:o, s:s, s:o, s:o}", "call",
			    (json_int_t)c->id, "feature", a.name, "error",
			    a.error, "status", a.status, "by", text(by), "how",
			    how, "from", text(c->from), "to", text(c->to)));
	return a;
}

int calls_feature(struct calls *cs, uint64_t id, enum feature f, const char *by,
		  struct feature_answer *a)
{
	struct call *c = calls_find(cs, id);

	if (!c)
		return ENOENT;
	*a = call_may(c, f, by, "API");
	return 0;
}
