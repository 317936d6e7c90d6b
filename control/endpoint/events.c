/* SPDX-License-Identifier: Apache-2.0 */
#include <string.h>
#include "control/endpoint/app.h"
#include "control/endpoint/ui.h"

static const char *const warnings[] = {
	[E2EE_NO_WARNING] = NULL,
	[E2EE_WARN_FIRST] = "first end-to-end encrypted call with this peer: "
			    "compare the codes",
	[E2EE_WARN_NEW_KEY] = "this peer's identity key is new: compare the "
			      "codes",
	[E2EE_WARN_NO_LONGER] = "calls with this peer once were end-to-end "
				"encrypted, this one isn't",
};

static const char *const warning_names[] = {
	[E2EE_NO_WARNING] = NULL,
	[E2EE_WARN_FIRST] = "first",
	[E2EE_WARN_NEW_KEY] = "new-key",
	[E2EE_WARN_NO_LONGER] = "no-longer",
};

static void save_peers(struct app *a)
{
	enum store_error e;

	if (!a->peers || !peers_changed(a->peers))
		return;
	e = store_peers_save(a->conf.peers, a->peers);
	if (e != STORE_OK)
		app_warn(store_error_text(e));
}

void app_warn(const char *text)
{
	ui_event("warning", "{s:s}", "text", text);
}

void app_calling(struct call *c)
{
	ui_event("calling", "{s:i,s:s}", "call", call_id(c), "peer",
		 call_peer(c));
}

void app_ringing(struct call *c, void *app)
{
	(void)app;
	ui_event("ringing", "{s:i,s:s}", "call", call_id(c), "peer",
		 call_peer(c));
}

void app_incoming(struct call *c, void *app)
{
	(void)app;
	ui_event("incoming", "{s:i,s:s}", "call", call_id(c), "peer",
		 call_peer(c));
}

void app_established(struct call *c, void *app)
{
	(void)app;
	ui_event("established", "{s:i,s:s}", "call", call_id(c), "peer",
		 call_peer(c));
}

void app_shield(struct call *c, bool lock, enum e2ee_warning w, void *app)
{
	struct app *a = app;

	if (lock)
		ui_event("shield", "{s:i,s:s,s:s,s:s,s:b}", "call", call_id(c),
			 "state", "locked", "peer", call_peer(c), "code",
			 call_code(c), "verified", call_verified(c));
	else
		ui_event("shield", "{s:i,s:s,s:s}", "call", call_id(c), "state",
			 "plain", "peer", call_peer(c));
	if (warnings[w])
		ui_event("warning", "{s:i,s:s,s:s}", "call", call_id(c), "name",
			 warning_names[w], "text", warnings[w]);
	save_peers(a);
}

void app_refused(struct call *c, const char *what, void *app)
{
	(void)app;
	ui_event("refused", "{s:i,s:s}", "call", call_id(c), "what", what);
}

void app_redirected(struct call *c, const char *aor, void *app)
{
	(void)app;
	ui_event("redirected", "{s:i,s:s}", "call", call_id(c), "peer", aor);
}

void app_closed(struct call *c, const char *name, const char *text, void *app)
{
	struct app *a = app;

	ui_event("closed", "{s:i,s:s,s:s,s:s}", "call", call_id(c), "peer",
		 call_peer(c), "reason", name, "text", text);
	/* The user is told in plain words why a verified peer's call ended. */
	if (!strcmp(name, e2ee_reason_name(E2EE_R_IDENTITY)))
		app_warn("somebody answered with another identity than the "
			 "one you verified: this may be an attack, or a new "
			 "device. `forget` the peer only if they say so in "
			 "person");
	if (a->guard && guard_blocked(a->guard, call_peer(c), tmr_jiffies()))
		ui_event("warning", "{s:s,s:s,s:s}", "name", "blocked", "peer",
			 call_peer(c), "text",
			 "three handshakes with this peer failed: it is "
			 "blocked for ten minutes");
}

void app_registered(struct ua *ua, unsigned scode, void *app)
{
	const char *registrar = ua_config(ua)->registrar;
	char text[32] = "no answer";

	(void)app;
	if (scode >= 200 && scode < 300) {
		ui_event("registered", "{s:s}", "registrar", registrar);
		return;
	}
	if (scode)
		re_snprintf(text, sizeof(text), "answer %u", scode);
	ui_event("unregistered", "{s:s,s:s}", "registrar", registrar, "text",
		 text);
}
