/* SPDX-License-Identifier: Apache-2.0 */
/* The recorder as configured, and the recording sessions with it. */
#include "control/siprec/siprec.h"
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include "control/log.h"
#include "control/siprec/impl.h"
#include "dataplane/abi/suite.h"

#define PORT	 5060
#define PORT_TLS 5061

/* sip:[user@]ADDRESS[:port][;transport=udp|tcp|tls]; sips: is TLS. */
static bool server_parse(const char *text, enum sip_tp *tp, struct sa *addr)
{
	struct pl pl, transport;
	struct uri u;
	char name[8];
	bool tls;

	pl_set_str(&pl, text);
	if (strpbrk(text, " \t\r\n<>\"") || uri_decode(&u, &pl) ||
	    !message_is_sip_uri(&u))
		return false;
	tls = !pl_strcasecmp(&u.scheme, "sips");
	*tp = tls ? SIP_TLS : SIP_UDP;
	if (!msg_param_decode(&u.params, "transport", &transport) &&
	    (pl_strcpy(&transport, name, sizeof(name)) ||
	     !sip_tp_parse(tp, name) || *tp > SIP_TLS))
		return false;
	return !sa_set(addr, &u.host,
		       u.port		? u.port
		       : *tp == SIP_TLS ? PORT_TLS
					: PORT);
}

bool siprec_server_ok(const char *uri)
{
	enum sip_tp tp;
	struct sa addr;

	return strlen(uri) < MESSAGE_URI_MAX && server_parse(uri, &tp, &addr);
}

static void *begin(void *arg, struct call *c)
{
	return rec_new(arg, c);
}

static void changed(void *fork)
{
	rec_update(fork);
}

static void end(void *fork)
{
	rec_end(fork);
}

static json_t *save(void *fork)
{
	const struct rec *r = fork;

	return r->dlg.remote_tag ? dialog_save(&r->dlg) : json_null();
}

static void forget(void *arg, const json_t *saved)
{
	if (json_is_object(saved))
		rec_forget(arg, saved);
}

/* The user part of a "sip:user@domain" is what the list has. */
static bool wanted(void *arg, const char *aor)
{
	const struct config_siprec *set = ((struct siprec *)arg)->cfg.set;
	const char *user = strchr(aor, ':');
	size_t n;

	user = user ? user + 1 : aor;
	n = strcspn(user, "@");
	for (unsigned i = 0; i < set->users_count; i++)
		if (!strcmp(set->users[i], "*") ||
		    (strlen(set->users[i]) == n &&
		     !strncmp(set->users[i], user, n)))
			return true;
	return false;
}

static json_t *describe(void *fork)
{
	const struct rec *r = fork;
	static const char *const states[] = {
		[REC_CALLING] = "connecting",
		[REC_UP] = "up",
		[REC_ENDING] = "ending",
	};

	return json_pack("{s:s, s:s, s:i}", "server", r->sr->target, "state",
			 states[r->state], "failures", (int)r->failures);
}

static const struct fork_client client = {
	begin, changed, end, save, forget, wanted, describe,
};

static void siprec_destructor(void *arg)
{
	struct siprec *s = arg;

	calls_fork_client(s->cfg.calls, NULL, NULL);
	list_flush(&s->sessions);
}

int siprec_alloc(struct siprec **sp, const struct siprec_config *cfg, char *err,
		 size_t errlen)
{
	struct siprec *s;
	struct sa local;

	*sp = NULL;
	if (!cfg->set->server)
		return 0;
	s = mem_zalloc(sizeof(*s), siprec_destructor);
	if (!s)
		return ENOMEM;
	s->cfg = *cfg;
	snprintf(s->target, sizeof(s->target), "%s", cfg->set->server);
	/* the configuration has been checked */
	server_parse(s->target, &s->hop.tp, &s->hop.peer);
	if (stack_local_towards(&local, &s->hop.peer))
		s->hop.via = stack_towards(cfg->stack, &local, s->hop.tp);
	if (!s->hop.via) {
		snprintf(err, errlen,
			 "siprec: no listener of ours reaches %s by %s",
			 s->target, sip_tp_name(s->hop.tp));
		mem_deref(s);
		return EADDRNOTAVAIL;
	}
	if (cfg->set->media && !strcmp(cfg->set->media, "sdes")) {
		s->profile.security = MEDIA_SDES;
		s->profile.suites[0] = SP_SUITE_AEAD_AES_128_GCM;
		s->profile.suites[1] = SP_SUITE_AES_CM_128_HMAC_SHA1_80;
	} else {
		s->profile.security = MEDIA_PLAIN;
	}
	calls_fork_client(cfg->calls, &client, s);
	log_info(0, "recorder: %s", s->target);
	*sp = s;
	return 0;
}

void siprec_stop(struct siprec *s)
{
	struct le *le = s ? list_head(&s->sessions) : NULL;

	if (s)
		s->stopping = true;
	while (le) {
		struct rec *r = le->data;

		le = le->next;
		if (r->state == REC_CALLING && r->invite)
			ctxn_cancel(r->invite);
		else if (r->state == REC_UP)
			rec_failed(r, false, "the gateway is being stopped");
	}
}

void siprec_free(struct siprec *s)
{
	mem_deref(s);
}

static struct rec *find(const struct siprec *s, const struct sip_msg *m,
			bool response)
{
	struct le *le;

	for (le = s ? list_head(&s->sessions) : NULL; le; le = le->next) {
		struct rec *r = le->data;

		if (response ? dialog_has_response(&r->dlg, m)
			     : dialog_has_request(&r->dlg, m))
			return r;
	}
	return NULL;
}

bool siprec_request(struct siprec *s, struct listener *l,
		    const struct sip_msg *m)
{
	struct rec *r = find(s, m, false);

	if (r)
		rec_request(r, l, m);
	return r;
}

bool siprec_stray(struct siprec *s, const struct sip_msg *m)
{
	struct rec *r = find(s, m, true);

	if (r && r->seq == m->cseq.num) /* our ACK got lost */
		rec_ack(r, r->seq);
	return r;
}
