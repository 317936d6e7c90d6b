/* SPDX-License-Identifier: Apache-2.0 */
#include "control/policy/policy.h"
#include <stddef.h>

static const struct policy_answer yes = {.allowed = true, .status = 200};

/* The Global policy's `calling` is Disabled by default, and no other policy
 * can be granted in this release. */
struct policy_answer policy_e2ee_allowed(const char *caller, const char *callee)
{
	(void)caller;
	(void)callee;
	return (struct policy_answer){
		.status = 403,
		.error = "policy",
		.reason = "The encryption policy in force doesn't allow "
			  "end-to-end encrypted calls",
	};
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
