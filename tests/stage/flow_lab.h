/* SPDX-License-Identifier: Apache-2.0 */
/* tests/stage/flow_lab.h - a lab for the flow table alone: an SRTP engine that
 * only remembers what it was asked, and short words for what tests say often. */
#pragma once
#include "dataplane/flow/flow.h"
#include "tests/stage/lab.h"

#define AES SP_SUITE_AES_CM_128_HMAC_SHA1_80
#define GCM SP_SUITE_AEAD_AES_128_GCM

struct srtp_session {
	const struct srtp_mem *mem;
	struct srtp_master master;
	enum srtp_dir dir;
	uint32_t roc;
	uint64_t left;
};

extern int flow_lab_sessions; /* made and not freed */

/* cmocka's set-up and teardown: two workers, the engine that remembers. */
int flow_lab_up(void **state);
int flow_lab_down(void **state);

/* The flow on a port of a media address; NULL: none. */
struct flow *flow_on(unsigned media, uint16_t port);
/* A transport of trunk0 with SRTP both ways. */
struct sp_transport secure(uint64_t id, uint16_t port);
/* These fail the test where the table refuses. */
void change(const struct sp_transport *x);
void remove_ok(uint64_t id);
/* And this where it doesn't, or not so. */
void refused(int got, int want, const char *text, const char *start);
