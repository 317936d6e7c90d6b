/* SPDX-License-Identifier: Apache-2.0 */
/* control/siprec/siprec.h - calls' audio to a recorder or a speech service:
 * the session recording client (SRC) of SIPREC. RFC 7866, 7865, 7245.
 *
 * One recording session (a SIP dialog of its own) for each call that is forked:
 * an m-line for each speaker, told apart by a=label, and metadata that say who
 * that is. What the recorder does never touches the call. Control's thread. */
#pragma once
#include <stdbool.h>
#include <stddef.h>
#include "control/config.h"

struct calls;
struct listener;
struct sip_msg;
struct siprec;
struct stack;

struct siprec_config {
	struct stack *stack;
	struct calls *calls;
	const char *domain;
	const struct config_siprec *set; /* outlives it; server NULL: none */
};

/** Stand behind calls as who takes forks. Without a server *sp is NULL. err gets
 * a sentence. @return 0 or errno. */
int siprec_alloc(struct siprec **sp, const struct siprec_config *cfg, char *err,
		 size_t errlen);
/** Say goodbye to the recorder; what calls want is kept for the next start.
 * Also NULL, as below. */
void siprec_stop(struct siprec *s);
void siprec_free(struct siprec *s);
/** A request within a dialog. @return false: none of ours. */
bool siprec_request(struct siprec *s, struct listener *l,
		    const struct sip_msg *m);
/** A 2xx to INVITE that nobody waits for. @return false: none of ours. */
bool siprec_stray(struct siprec *s, const struct sip_msg *m);
/** Is it the URI of a server as the configuration has it? */
bool siprec_server_ok(const char *uri);
