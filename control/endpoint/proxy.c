/* SPDX-License-Identifier: Apache-2.0 */
#include <stdlib.h>
#include <string.h>
#include "control/endpoint/app.h"
#include "control/endpoint/steady.h"
#include "control/endpoint/ui.h"

#define CALLS 2 /* one held, one active */

/* Two user agents back to back: one on loopback for the phone, one towards the
 * gateway. The legs of a call know each other by call_user; payloads go over
 * as they are, without being decoded. */
struct proxy {
	struct ua *phone;
	struct steady steady[CALLS];
	char aor[64]; /* of the phone's side */
	char uri[300];
};

static struct call *other(const struct call *c)
{
	return call_user(c);
}

static void link_legs(struct call *a, struct call *b)
{
	call_set_user(a, b);
	call_set_user(b, a);
}

static void unlink_legs(struct call *c)
{
	struct call *o = other(c);

	call_set_user(c, NULL);
	if (o)
		call_set_user(o, NULL);
}

/* The one of that call, or a free one; NULL: there is none. */
static struct steady *steady_of(struct proxy *p, struct call *c)
{
	struct steady *unused = NULL;

	for (int i = 0; i < CALLS; i++) {
		if (p->steady[i].call == c)
			return &p->steady[i];
		if (!p->steady[i].call)
			unused = &p->steady[i];
	}
	return unused;
}

/* --- both legs --- */

static void packet(struct call *c, struct media_pkt *p, void *arg)
{
	struct app *a = arg;
	struct call *o = other(c);
	struct steady *s = o ? steady_of(a->state, o) : NULL;

	/* Only the leg towards the gateway has one. */
	if (s && s->call == o && p->kind == E2EE_AUDIO)
		steady_send(s, p);
	else if (o)
		call_send(o, p->kind, p->codec, p->marker, p->ts, p->data,
			  p->len);
	free(p);
}

static void want_key(struct call *c, enum e2ee_kind kind, void *app)
{
	(void)app;
	if (other(c))
		call_ask_key(other(c), kind);
}

static void media(struct call *c, void *app)
{
	(void)app;
	/* The picture that started before the paths were open is lost. */
	for (int k = E2EE_VIDEO; other(c) && k < E2EE_KINDS; k++)
		call_ask_key(other(c), k);
}

static void end_other(struct call *c, unsigned scode, const char *phrase)
{
	struct call *o = other(c);

	unlink_legs(c);
	if (o)
		call_hangup(o, scode, phrase);
}

/* --- the leg towards the gateway --- */

static void net_media(struct call *c, void *arg)
{
	struct app *a = arg;
	struct steady *s = steady_of(a->state, c);

	if (s)
		steady_start(s, c);
	media(c, a);
}

/* Both legs carry the same codecs, since nothing is transcoded. */
static void net_established(struct call *c, void *app)
{
	struct call_wish w = call_agreed(c);

	app_established(c, app);
	if (other(c) && call_state(other(c)) == CALL_RINGING &&
	    call_answer(other(c), &w))
		call_hangup(c, 488, "Not Acceptable Here");
}

static void net_incoming(struct call *c, void *arg)
{
	struct app *a = arg;
	struct proxy *p = a->state;
	struct call_wish w = call_agreed(c);
	const char *why = "no phone is set: see the option phone";
	struct call *o = NULL;

	app_incoming(c, a);
	if (p->uri[0]) {
		/* A delayed offer leaves the choice to us. */
		w.codecs &= ua_config(p->phone)->codecs;
		o = call_connect(p->phone, p->uri,
				 w.wants[E2EE_AUDIO] ? &w : NULL, c, &why);
	}
	if (!o) {
		ui_event("error", "{s:s}", "text", why);
		call_hangup(c, 480, "Temporarily Unavailable");
		return;
	}
	link_legs(c, o);
}

static void net_closed(struct call *c, const char *name, const char *text,
		       void *arg)
{
	struct app *a = arg;
	struct steady *s = steady_of(a->state, c);

	if (s && s->call == c)
		steady_stop(s);
	app_closed(c, name, text, a);
	end_other(c, 480, "Temporarily Unavailable");
}

/* --- the leg to the phone --- */

static void phone_ringing(struct call *c, void *app)
{
	(void)c;
	(void)app;
}

static void phone_established(struct call *c, void *app)
{
	struct call_wish w = call_agreed(c);

	(void)app;
	if (other(c) && call_state(other(c)) == CALL_RINGING)
		(void)call_answer(other(c), &w);
}

/* The address that the phone dialled; where it is ours on loopback, the user
 * of our own domain. */
static bool dialled(const struct app *a, struct call *c, char *out, size_t room)
{
	const char *target = call_target(c), *at = strchr(target, '@');
	struct sa sa;
	int n;

	if (!at)
		return false;
	if (!sa_set_str(&sa, at + 1, 0) && ua_is_loopback(&sa))
		n = re_snprintf(out, room, "%b%s", target, at - target,
				strchr(a->conf.ua.aor, '@'));
	else
		n = re_snprintf(out, room, "%s", target);
	return n > 0 && (size_t)n < room;
}

static void phone_incoming(struct call *c, void *arg)
{
	struct app *a = arg;
	struct call_wish w = call_agreed(c);
	const char *why = "the phone dialled no address";
	char uri[300];
	struct call *o = NULL;

	if (dialled(a, c, uri, sizeof(uri))) {
		w.codecs &= a->conf.ua.codecs;
		o = call_connect(a->ua, uri, w.wants[E2EE_AUDIO] ? &w : NULL, c,
				 &why);
	}
	if (!o) {
		ui_event("error", "{s:s}", "text", why);
		call_hangup(c, 503, "Service Unavailable");
		return;
	}
	link_legs(c, o);
	app_calling(o);
}

static void phone_closed(struct call *c, const char *name, const char *text,
			 void *app)
{
	(void)name;
	(void)text;
	(void)app;
	end_other(c, 480, "Temporarily Unavailable");
}

static void phone_shield(struct call *c, bool lock, enum e2ee_warning w,
			 void *app)
{
	/* Loopback has neither shield nor warnings: the other leg speaks. */
	(void)c;
	(void)lock;
	(void)w;
	(void)app;
}

static void phone_refused(struct call *c, const char *what, void *app)
{
	if (other(c))
		app_refused(other(c), what, app);
}

static void phone_redirected(struct call *c, const char *aor, void *app)
{
	(void)c;
	(void)aor;
	(void)app;
}

/* --- the program --- */

static int start_phone(struct app *a, struct proxy *p)
{
	struct ua_config conf = a->conf.ua;
	const struct call_ops ops = {
		.incoming = phone_incoming,
		.ringing = phone_ringing,
		.established = phone_established,
		.media = media,
		.shield = phone_shield,
		.refused = phone_refused,
		.redirected = phone_redirected,
		.closed = phone_closed,
		.packet = packet,
		.want_key = want_key,
		.registered = app_registered,
		.arg = a,
	};

	re_snprintf(p->aor, sizeof(p->aor), "sip:sallyport@%j",
		    &a->conf.phone_laddr);
	if (a->conf.text.phone)
		str_ncpy(p->uri, a->conf.text.phone, sizeof(p->uri));
	conf.aor = p->aor;
	conf.laddr = a->conf.phone_laddr;
	conf.registrar = NULL;
	conf.outbound = NULL;
	conf.srtp = false;
	conf.e2ee = UA_E2EE_OFF;
	conf.local_only = true;
	return ua_new(&p->phone, &conf, &ops);
}

static int start(struct app *a)
{
	const struct call_ops ops = {
		.incoming = net_incoming,
		.ringing = app_ringing,
		.established = net_established,
		.media = net_media,
		.shield = app_shield,
		.refused = app_refused,
		.redirected = app_redirected,
		.closed = net_closed,
		.packet = packet,
		.want_key = want_key,
		.registered = app_registered,
		.arg = a,
	};
	struct proxy *p = calloc(1, sizeof(*p));
	int err;

	if (!p)
		return ENOMEM;
	a->state = p;
	a->conf.ua.calls_max = CALLS;
	for (int k = 0; k < E2EE_KINDS; k++) {
		/* What the phone has decides. */
		a->conf.ua.wants[k] = true;
		a->conf.ua.can_send[k] = true;
	}
	err = ua_new(&a->ua, &a->conf.ua, &ops);
	return err ? err : start_phone(a, p);
}

static void stop(struct app *a)
{
	struct proxy *p = a->state;

	for (int i = 0; p && i < CALLS; i++)
		steady_stop(&p->steady[i]);
	if (p)
		ua_free(p->phone);
	free(p);
	a->state = NULL;
}

static bool idle(const struct app *a)
{
	const struct proxy *p = a->state;

	return ua_idle(a->ua) && ua_idle(p->phone);
}

static void close_all(struct app *a)
{
	struct proxy *p = a->state;

	ua_close(a->ua);
	ua_close(p->phone);
}

static bool command(struct app *a, const char *name, const char *arg)
{
	(void)a;
	(void)name;
	(void)arg;
	return false;
}

static const char *const help[] = {
	"(dial and answer on the phone)",
	NULL,
};

const struct app_kind app_proxy = {start, stop, command, idle, close_all, help};
