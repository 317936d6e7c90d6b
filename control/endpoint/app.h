/* SPDX-License-Identifier: Apache-2.0 */
/* control/endpoint/app.h - the two things this program can be.
 *
 * endpoint.c: an endpoint with devices of its own; proxy.c: one that stands in
 * front of a phone. Both report to ui.h in the same words (events.c) and share
 * the identity and the remembered peers. Main thread. */
#pragma once
#include "control/endpoint/call.h"
#include "control/endpoint/config.h"

struct app {
	struct config conf;
	struct identity *identity;
	struct peers *peers;
	struct guard *guard;
	struct ua *ua; /* towards the gateway */
	const struct app_kind *kind;
	void *state; /* of the kind */
	struct tmr quit;
	bool quitting;
};

struct app_kind {
	int (*start)(struct app *a);
	void (*stop)(struct app *a); /* nothing of it runs afterwards */
	/* A command that events.c doesn't know. @return false: nor does it. */
	bool (*command)(struct app *a, const char *name, const char *arg);
	bool (*idle)(const struct app *a);
	void (*close)(struct app *a);
	const char *const *help;
};

extern const struct app_kind app_endpoint, app_proxy;

/* events.c: what calls tell, shown; ops of both kinds begin with these. */
void app_ringing(struct call *c, void *app);
void app_incoming(struct call *c, void *app);
void app_established(struct call *c, void *app);
void app_shield(struct call *c, bool lock, enum e2ee_warning w, void *app);
void app_refused(struct call *c, const char *what, void *app);
void app_redirected(struct call *c, const char *aor, void *app);
void app_closed(struct call *c, const char *name, const char *text, void *app);
void app_registered(struct ua *ua, unsigned scode, void *app);
void app_warn(const char *text);
void app_calling(struct call *c);

/* commands.c: ui_command_h */
void app_command(const char *name, const char *arg, void *app);
/** The call that commands are about: the one that isn't over. NULL: told. */
struct call *app_call(struct app *a);
