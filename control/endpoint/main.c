/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <libavdevice/avdevice.h>
#include <libavutil/log.h>
#include <re.h>
#include <signal.h>
#include <sodium.h>
#include <stdio.h>
#include <string.h>
#include "control/e2ee/secret.h"
#include "control/endpoint/app.h"
#include "control/endpoint/harden.h"
#include "control/endpoint/ui.h"

static struct app app;

static int say(const char *what, const char *why)
{
	fprintf(stderr, "sallyport-endpoint: %s: %s\n", what, why);
	return 1;
}

/* The identity, made at the first start; the remembered peers. */
static int load(struct app *a)
{
	const char *file = a->conf.text.passphrase_file;
	char *pass = NULL;
	enum store_error e;
	unsigned line = 0;
	size_t n;

	if (a->conf.ua.e2ee == UA_E2EE_OFF)
		return 0;
	if (file && !(pass = config_secret(file)))
		return 1;
	n = pass ? strlen(pass) : 0;
	a->identity = store_identity_load(a->conf.identity, pass, n, &e);
	if (!a->identity && e == STORE_NONE) {
		a->identity = identity_new();
		e = !a->identity
			    ? STORE_MEMORY
			    : store_identity_save(a->conf.identity, a->identity,
						  pass, n, false);
	}
	secret_free(pass);
	if (!a->identity || e != STORE_OK)
		return say(a->conf.identity, store_error_text(e));
	a->peers = store_peers_load(a->conf.peers, &e, &line);
	if (!a->peers)
		return say(a->conf.peers, store_error_text(e));
	a->guard = guard_new();
	if (!a->guard)
		return say("handshakes", "no memory");
	a->conf.ua.identity = a->identity;
	a->conf.ua.peers = a->peers;
	a->conf.ua.guard = a->guard;
	return 0;
}

static void on_signal(int sig)
{
	(void)sig;
	app_command("quit", "", &app);
}

static int run(struct app *a)
{
	char address[64];
	int err;

	a->kind = a->conf.proxy ? &app_proxy : &app_endpoint;
	err = ui_start(a->conf.json, app_command, a);
	if (!err)
		err = a->kind->start(a);
	if (err)
		return say("cannot start (see listen)", strerror(err));
	re_snprintf(address, sizeof(address), "%J", ua_laddr(a->ua));
	ui_event("ready", "{s:s,s:s}", "aor", a->conf.ua.aor, "address",
		 address);
	err = re_main(on_signal);
	ui_event("bye", "{}");
	return err ? say("event loop", strerror(err)) : 0;
}

int main(int argc, char **argv)
{
	const char *not_locked = harden();
	int ret = 1;

	if (sodium_init() < 0 || libre_init())
		return say("start", "libsodium or libre can't start");
	signal(SIGPIPE, SIG_IGN);
	avdevice_register_all();
	av_log_set_level(AV_LOG_QUIET);
	switch (config_read(&app.conf, argc, argv)) {
	case CONFIG_DONE:
		ret = 0;
		goto out;
	case CONFIG_BAD:
		goto out;
	case CONFIG_OK:
		break;
	}
	if (not_locked)
		fprintf(stderr, "sallyport-endpoint: %s\n", not_locked);
	if (!load(&app))
		ret = run(&app);
	tmr_cancel(&app.quit);
	ui_stop();
	if (app.kind)
		app.kind->stop(&app);
	ua_free(app.ua);
	guard_free(app.guard);
	peers_free(app.peers);
	identity_free(app.identity);
out:
	config_free(&app.conf);
	libre_close();
	return ret;
}
