/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <sodium.h>
#include <string.h>
#include "control/endpoint/app.h"
#include "control/endpoint/ui.h"

#define QUIT_MS 2000 /* for BYEs and the registration's end */

static void fail(const char *text)
{
	ui_event("error", "{s:s}", "text", text);
}

struct call *app_call(struct app *a)
{
	/* Ids rise, and few calls are up at once. */
	for (unsigned id = 1; ua_calls(a->ua); id++) {
		struct call *c = ua_call(a->ua, id);

		if (c)
			return c;
	}
	fail("there is no call");
	return NULL;
}

static void cmd_hangup(struct app *a, const char *arg)
{
	struct call *c = app_call(a);

	(void)arg;
	if (c)
		call_hangup(c, 603, "Decline");
}

static void hold(struct app *a, bool on, const char *event)
{
	struct call *c = app_call(a);
	int err = c ? call_hold(c, on) : 0;

	if (c && !err)
		ui_event(event, "{s:i}", "call", call_id(c));
	else if (c)
		fail(err == EBUSY ? "the call is being changed already; try "
				    "again in a moment"
				  : "the call can't be changed now");
}

static void cmd_hold(struct app *a, const char *arg)
{
	(void)arg;
	hold(a, true, "held");
}

static void cmd_resume(struct app *a, const char *arg)
{
	(void)arg;
	hold(a, false, "resumed");
}

/* Shows shield and code once more. */
static void cmd_verify(struct app *a, const char *arg)
{
	struct call *c = app_call(a);

	(void)arg;
	if (c)
		app_shield(c, call_locked(c), E2EE_NO_WARNING, a);
}

static void cmd_codes(struct app *a, const char *arg)
{
	struct call *c = app_call(a);

	if (!c)
		return;
	if (!strcmp(arg, "differ")) {
		app_warn("different codes mean that somebody is in the "
			 "middle: the call ends");
		call_hangup(c, 603, "Decline");
	} else if (strcmp(arg, "match")) {
		fail("say `codes match` or `codes differ`");
	} else if (!call_verify(c)) {
		fail("there is no lock, so there is no code to compare");
	} else {
		enum store_error e = store_peers_save(a->conf.peers, a->peers);

		ui_event("verified", "{s:i,s:s}", "call", call_id(c), "peer",
			 call_peer(c));
		if (e != STORE_OK)
			app_warn(store_error_text(e));
	}
}

static void show_peer(void *arg, const char *aor, const uint8_t *key,
		      bool verified)
{
	char text[17] = "";

	(void)arg;
	if (key)
		sodium_bin2hex(text, sizeof(text), key, 8);
	ui_event("peer", "{s:s,s:s,s:s,s:b}", "aor", aor, "key", text, "trust",
		 !key	    ? "no key"
		 : verified ? "verified"
			    : "remembered",
		 "verified", verified);
}

static void cmd_peers(struct app *a, const char *arg)
{
	(void)arg;
	if (a->peers)
		peers_each(a->peers, show_peer, NULL);
}

static void cmd_forget(struct app *a, const char *arg)
{
	enum store_error e;

	if (!a->peers || !e2ee_aor_valid(arg, strlen(arg)) ||
	    !peers_forget(a->peers, arg, NULL)) {
		fail("nobody is remembered by that address");
		return;
	}
	e = store_peers_save(a->conf.peers, a->peers);
	if (e != STORE_OK)
		app_warn(store_error_text(e));
	cmd_peers(a, "");
}

static void cmd_stats(struct app *a, const char *arg)
{
	struct call *c = app_call(a);

	(void)arg;
	for (int k = 0; c && k < E2EE_KINDS; k++) {
		const struct rtp_stats *s = call_stats(c, k);

		if (!s)
			continue;
		ui_event("stats", "{s:i,s:s,s:I,s:I,s:I,s:I,s:I,s:I}", "call",
			 call_id(c), "kind", kind_name(k), "sent",
			 (long long)s->sent, "received", (long long)s->received,
			 "lost", (long long)s->lost, "late", (long long)s->late,
			 "dropped",
			 (long long)(s->closed + s->source + s->malformed +
				     s->hop + s->codec),
			 "refused", (long long)call_refused_packets(c, k));
	}
}

static void quit_now(void *arg)
{
	struct app *a = arg;

	if (a->kind->idle(a) || a->quitting) {
		re_cancel();
		return;
	}
	a->quitting = true;
	tmr_start(&a->quit, QUIT_MS, quit_now, a);
}

static void cmd_quit(struct app *a, const char *arg)
{
	(void)arg;
	a->kind->close(a);
	tmr_start(&a->quit, 100, quit_now, a);
}

static void cmd_help(struct app *a, const char *arg);

static const struct {
	const char *name, *usage;
	void (*run)(struct app *a, const char *arg);
} commands[] = {
	{"hangup", "hangup             refuse, or end the call", cmd_hangup},
	{"hold", "hold               hold the call", cmd_hold},
	{"resume", "resume             go on with it", cmd_resume},
	{"verify", "verify             show shield and security code",
	 cmd_verify},
	{"codes", "codes match|differ say what comparing them gave", cmd_codes},
	{"peers", "peers              whose identities are remembered",
	 cmd_peers},
	{"forget", "forget AOR         remember a peer no longer", cmd_forget},
	{"stats", "stats              packets of the call", cmd_stats},
	{"help", "help               this", cmd_help},
	{"quit", "quit               end the call and the program", cmd_quit},
};

static void cmd_help(struct app *a, const char *arg)
{
	(void)arg;
	for (const char *const *h = a->kind->help; *h; h++)
		ui_event("help", "{s:s}", "usage", *h);
	for (size_t i = 0; i < ARRAY_SIZE(commands); i++)
		ui_event("help", "{s:s}", "usage", commands[i].usage);
}

void app_command(const char *name, const char *arg, void *app)
{
	for (size_t i = 0; i < ARRAY_SIZE(commands); i++)
		if (!strcmp(commands[i].name, name)) {
			commands[i].run(app, arg);
			return;
		}
	if (!((struct app *)app)->kind->command(app, name, arg))
		fail("no such command; `help` lists them");
}
