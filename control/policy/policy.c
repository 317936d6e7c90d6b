/* SPDX-License-Identifier: Apache-2.0 */
#include "control/policy/policy.h"
#include <stddef.h>
#include <string.h>
#include <strings.h>

#define COUNT(a) (sizeof(a) / sizeof((a)[0]))

static const struct policy_answer yes = {.allowed = true, .status = 200};

static const char *const callings[POLICY_CALLING_COUNT] = {
	[POLICY_DISABLED] = "Disabled",
	[POLICY_DISABLED_USER_OVERRIDE] = "DisabledUserOverride",
};

static const char *const grants[] = {
	[POLICY_BY_USER] = "user",
	[POLICY_BY_GROUP] = "group",
	[POLICY_BY_GLOBAL] = "global",
};

const char *policy_calling_name(enum policy_calling c)
{
	return (unsigned)c < COUNT(callings) ? callings[c] : "";
}

enum policy_calling policy_calling_find(const char *name)
{
	enum policy_calling c = 0;

	while (c < POLICY_CALLING_COUNT && strcasecmp(callings[c], name))
		c++;
	return c;
}

const char *policy_grant_name(enum policy_grant g)
{
	return (unsigned)g < COUNT(grants) ? grants[g] : "";
}

bool policy_name_valid(const char *name)
{
	size_t n = strlen(name);

	return n >= 1 && n <= POLICY_NAME_MAX &&
	       strspn(name, "ABCDEFGHIJKLMNOPQRSTUVWXYZ"
			    "abcdefghijklmnopqrstuvwxyz0123456789._+-") == n;
}

/* The rules against end-to-end encryption, in the order that they are asked:
 * what an administrator decided comes before what the user did. */
static bool is_unknown(const struct policy_subject *s)
{
	return !s->known;
}

static bool is_recorded(const struct policy_subject *s)
{
	return s->compliance;
}

static bool is_disabled(const struct policy_subject *s)
{
	return s->calling != POLICY_DISABLED_USER_OVERRIDE;
}

static bool is_off(const struct policy_subject *s)
{
	return !s->on;
}

static const struct rule {
	bool (*against)(const struct policy_subject *s);
	const char *error;
	const char *reason[2]; /* of the caller, of the callee */
} rules[] = {
	{is_unknown,
	 "unknown-party",
	 {"End-to-end encryption is for users of this gateway, and the caller "
	  "is none",
	  "End-to-end encryption is for users of this gateway, and the called "
	  "party is none"}},
	{is_recorded,
	 "compliance-recording",
	 {"Compliance recording applies to the caller, so end-to-end "
	  "encryption isn't available",
	  "Compliance recording applies to the called user, so end-to-end "
	  "encryption isn't available"}},
	{is_disabled,
	 "policy-disabled",
	 {"The caller's encryption policy doesn't allow end-to-end encryption",
	  "The called user's encryption policy doesn't allow end-to-end "
	  "encryption"}},
	{is_off,
	 "switched-off",
	 {"The caller hasn't turned end-to-end encryption on",
	  "The called user hasn't turned end-to-end encryption on"}},
};

struct policy_answer policy_e2ee(const struct policy_subject *caller,
				 const struct policy_subject *callee)
{
	const struct policy_subject *party[2] = {caller, callee};

	for (size_t r = 0; r < COUNT(rules); r++)
		for (int p = 0; p < 2; p++)
			if (rules[r].against(party[p]))
				return (struct policy_answer){
					.status = 403,
					.error = rules[r].error,
					.reason = rules[r].reason[p],
				};
	return yes;
}

struct policy_answer policy_call_allowed(const char *caller, const char *callee)
{
	if (caller && callee)
		return yes;
	return (struct policy_answer){
		.status = 403,
		.error = "unknown-party",
		.reason = "Calls are only possible between users of this "
			  "gateway",
	};
}

static const char *const dials[POLICY_DIALS] = {
	[POLICY_DIAL_INTERNAL] = "internal",
	[POLICY_DIAL_NATIONAL] = "national",
	[POLICY_DIAL_INTERNATIONAL] = "international",
};

const char *policy_dial_name(enum policy_dial d)
{
	return (unsigned)d < POLICY_DIALS ? dials[d] : "internal";
}

enum policy_dial policy_dial_find(const char *name)
{
	int d = 0;

	while (d < POLICY_DIALS && strcmp(dials[d], name) != 0)
		d++;
	return (enum policy_dial)d;
}

struct policy_answer policy_pstn(enum policy_dial has, enum policy_dial needs,
				 bool emergency)
{
	if (emergency || has >= needs)
		return yes;
	return (struct policy_answer){
		.status = 403,
		.error = "dial-not-permitted",
		.reason = needs == POLICY_DIAL_INTERNATIONAL
				  ? "The caller may not dial numbers of other "
				    "countries"
				  : "The caller may not dial to the telephone "
				    "network",
	};
}
