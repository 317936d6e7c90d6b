/* SPDX-License-Identifier: Apache-2.0 */
/* control/policy/policy.h - whether somebody may: one deciding function for
 * each question, asked by everything that needs the answer.
 *
 * What a call may use once it exists is control/features' question. Names are
 * user parts of AORs; NULL: not (yet) known. Control's thread; the strings in
 * an answer are static. */
#pragma once
#include <stdbool.h>

struct policy_answer {
	bool allowed;
	int status;	    /* SIP status to refuse with; 200 if allowed */
	const char *error;  /* stable name; NULL if allowed */
	const char *reason; /* one sentence; NULL if allowed */
};

/** May caller and callee end-to-end encrypt their call? Where not, a=e2ee is
 * taken out of the offer, and the call becomes an ordinary one. */
struct policy_answer policy_e2ee_allowed(const char *caller,
					 const char *callee);
/** May caller (an authenticated user) call callee (a user of ours)? */
struct policy_answer policy_call_allowed(const char *caller,
					 const char *callee);
