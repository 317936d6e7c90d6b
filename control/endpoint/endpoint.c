/* SPDX-License-Identifier: Apache-2.0 */
#include <stdlib.h>
#include <string.h>
#include "control/endpoint/app.h"
#include "control/endpoint/session.h"
#include "control/endpoint/ui.h"

static void fail(const char *text)
{
	ui_event("error", "{s:s}", "text", text);
}

static void incoming(struct call *c, void *arg)
{
	struct app *a = arg;

	app_incoming(c, a);
	if (a->conf.auto_answer)
		(void)call_answer(c, NULL);
}

static void media(struct call *c, void *arg)
{
	struct app *a = arg;

	session_update(a->state, c, app_warn);
}

static void closed(struct call *c, const char *name, const char *text,
		   void *arg)
{
	struct app *a = arg;

	session_end(a->state);
	app_closed(c, name, text, arg);
}

static void packet(struct call *c, struct media_pkt *pkt, void *arg)
{
	struct app *a = arg;
	char digit[2] = "";

	if (pkt->codec != MEDIA_EVENT) {
		session_play(a->state, pkt);
		return;
	}
	digit[0] = session_heard(a->state, pkt);
	free(pkt);
	if (digit[0])
		ui_event("digit", "{s:i,s:s,s:s}", "call", call_id(c), "peer",
			 call_peer(c), "digit", digit);
}

static void want_key(struct call *c, enum e2ee_kind kind, void *arg)
{
	struct app *a = arg;

	(void)c;
	session_keyframe(a->state, kind);
}

static int start(struct app *a)
{
	const struct call_ops ops = {
		.incoming = incoming,
		.ringing = app_ringing,
		.established = app_established,
		.media = media,
		.shield = app_shield,
		.refused = app_refused,
		.redirected = app_redirected,
		.closed = closed,
		.packet = packet,
		.want_key = want_key,
		.registered = app_registered,
		.arg = a,
	};
	struct session *s;
	int err = session_new(&s, &a->conf);

	if (err)
		return err;
	a->state = s;
	a->conf.ua.calls_max = 1; /* there is one set of devices */
	return ua_new(&a->ua, &a->conf.ua, &ops);
}

static void stop(struct app *a)
{
	session_free(a->state);
}

static bool idle(const struct app *a)
{
	return ua_idle(a->ua);
}

static void close_all(struct app *a)
{
	ua_close(a->ua);
}

static void cmd_call(struct app *a, const char *arg)
{
	const char *why;
	struct call *c = call_connect(a->ua, arg, NULL, NULL, &why);

	if (c)
		app_calling(c);
	else
		fail(why);
}

static void cmd_answer(struct app *a, const char *arg)
{
	struct call *c = app_call(a);

	(void)arg;
	if (c && call_answer(c, NULL) == EALREADY)
		fail("nothing is ringing");
}

static void set_mute(struct app *a, const char *arg, bool on)
{
	int kind = *arg ? kind_by_name(arg) : E2EE_AUDIO;

	if (kind < 0) {
		fail("mute audio, video or screen");
		return;
	}
	session_mute(a->state, (enum e2ee_kind)kind, on);
	ui_event(on ? "muted" : "unmuted", "{s:s}", "kind",
		 kind_name((enum e2ee_kind)kind));
}

static void cmd_mute(struct app *a, const char *arg)
{
	set_mute(a, arg, true);
}

static void cmd_unmute(struct app *a, const char *arg)
{
	set_mute(a, arg, false);
}

static void cmd_digits(struct app *a, const char *arg)
{
	struct call *c = app_call(a);

	if (!c)
		return;
	if (!call_digits(c))
		fail("the other side takes no digits");
	else if (!session_digits(a->state, arg))
		fail("digits are 0-9, *, #, A-D");
}

static const struct {
	const char *name;
	void (*run)(struct app *a, const char *arg);
} commands[] = {
	{"call", cmd_call},	{"answer", cmd_answer}, {"mute", cmd_mute},
	{"unmute", cmd_unmute}, {"digits", cmd_digits},
};

static bool command(struct app *a, const char *name, const char *arg)
{
	for (size_t i = 0; i < ARRAY_SIZE(commands); i++)
		if (!strcmp(commands[i].name, name)) {
			commands[i].run(a, arg);
			return true;
		}
	return false;
}

static const char *const help[] = {
	"call ADDRESS       call sip:user@domain, or a user of your domain",
	"answer             take the call that is ringing",
	"mute [KIND]        send silence (KIND: audio, video, screen)",
	"unmute [KIND]      send what is captured again",
	"digits DIGITS      dial them into the call",
	NULL,
};

const struct app_kind app_endpoint = {start, stop,	command,
				      idle,  close_all, help};
