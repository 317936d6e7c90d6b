/* SPDX-License-Identifier: Apache-2.0 */
/* What is looked at, and from when on it is an alarm. */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <time.h>
#include "control/alarms/impl.h"
#include "control/certificate.h"
#include "control/config.h"
#include "control/dataplane/dp.h"
#include "control/duties/duties.h"
#include "control/firmware/firmware.h"
#include "control/trunk/trunk.h"

#define CERTIFICATE_SOON (30 * 86400) /* seconds before its end */
#define DISK_PERCENT	 5	      /* free, at least; and */
#define DISK_MIB	 256
#define KEY_MS		 600000 /* after its latest warning */
#define DROPS_MS	 60000	/* after the latest of them */
#define PATH_SIZE	 4352

void look_dataplane(struct alarms *a)
{
	if (!dp_connected(a->cfg.dp))
		alarm_seen(a, ALARM_DATAPLANE, "sallyport-dataplane",
			   "The dataplane is away: media can't be set up");
}

void look_media(struct alarms *a)
{
	struct duty_why why;

	if (a->cfg.config->media.socket && !duties_up(a->cfg.duties, &why))
		alarm_seen(a, ALARM_MEDIA, "sallyport-media",
			   "sallyport-media is away: nothing is transcoded, "
			   "recorded or played");
}

static void port_item(const struct sp_port *p, void *arg)
{
	if (!p->link_up)
		alarm_seen(arg, ALARM_PORT, p->name, "Port %s has no link",
			   p->name);
}

void look_ports(struct alarms *a)
{
	if (dp_connected(a->cfg.dp))
		dp_list_ports(a->cfg.dp, port_item, a);
}

void look_trunks(struct alarms *a)
{
	json_t *list = a->cfg.trunks ? trunks_json(a->cfg.trunks) : NULL, *t;
	size_t i;

	json_array_foreach (list, i, t) {
		const char *name, *state, *why;
		int enabled;

		if (json_unpack(t, "{s:s, s:s, s:s, s:b}", "name", &name,
				"state", &state, "why", &why, "enabled",
				&enabled) == 0 &&
		    enabled &&
		    (!strcmp(state, "down") || !strcmp(state, "off")))
			alarm_seen(a, ALARM_TRUNK, name, "Trunk %s is %s: %s",
				   name, state, why);
	}
	json_decref(list);
}

/* ------------------------------------------------------------ certificates */

/* Read again only where it was changed. */
static void certificate(struct alarms *a, struct certificate_file *f,
			const char *configured, const char *own,
			const char *what)
{
	char path[PATH_SIZE];
	int64_t left;
	struct stat st;

	if (configured)
		snprintf(path, sizeof(path), "%s", configured);
	else
		snprintf(path, sizeof(path), "%s/%s", a->cfg.state, own);
	if (stat(path, &st)) /* there is no listener that needs one */
		return;
	if (f->changed != (int64_t)st.st_mtime) {
		char *pem = certificate_file(path);

		f->changed = st.st_mtime;
		f->until = pem ? certificate_until(pem) : 0;
		free(pem);
	}
	left = f->until - (int64_t)time(NULL);
	if (f->until && left < CERTIFICATE_SOON)
		alarm_seen(a, ALARM_CERTIFICATE, path,
			   left > 0 ? "The certificate of %s ends in %d days"
				    : "The certificate of %s has ended, %d "
				      "days ago",
			   what, abs((int)(left / 86400)));
}

void look_certificates(struct alarms *a)
{
	const struct config *c = a->cfg.config;

	certificate(a, &a->certificate[0], c->https.certificate, "https.crt",
		    "the control API");
	certificate(a, &a->certificate[1], c->sip.tls.certificate,
		    "sip-cert.pem", "SIP");
}

void look_firmware(struct alarms *a)
{
	char text[ALARM_TEXT_MAX], about[ALARM_ABOUT_MAX];

	if (a->cfg.firmware &&
	    firmware_attention(a->cfg.firmware, about, sizeof(about), text,
			       sizeof(text)))
		alarm_seen(a, ALARM_FIRMWARE, about, "%s", text);
}

void look_disk(struct alarms *a)
{
	struct statvfs v;
	uint64_t all, left;

	if (statvfs(a->cfg.state, &v) || !v.f_blocks)
		return;
	all = (uint64_t)v.f_blocks * v.f_frsize;
	left = (uint64_t)v.f_bavail * v.f_frsize;
	if (left * 100 >= all * DISK_PERCENT && left >> 20 >= DISK_MIB)
		return;
	alarm_seen(a, ALARM_DISK, a->cfg.state,
		   "%" PRIu64 " MiB are left for %s, %" PRIu64 " %%",
		   left >> 20, a->cfg.state, left * 100 / all);
}

/* -------------------------------------------------------------------- keys */

void alarms_dataplane(struct alarms *a, const struct sp_event *e)
{
	struct warned *oldest;

	if (!a || e->kind != SP_EVENT_KEY_END)
		return;
	oldest = &a->warned[0];
	for (unsigned i = 0; i < KEYS_MAX; i++) {
		struct warned *w = &a->warned[i];

		if (w->transport == e->id && w->at) {
			oldest = w;
			break;
		}
		if (w->at < oldest->at)
			oldest = w;
	}
	*oldest = (struct warned){e->id, tmr_jiffies()};
}

/* One that has been replaced warns no more. */
void look_keys(struct alarms *a)
{
	uint64_t now = tmr_jiffies();
	char about[32];

	for (unsigned i = 0; i < KEYS_MAX; i++) {
		struct warned *w = &a->warned[i];

		if (w->at && now - w->at > KEY_MS)
			w->at = 0;
		if (!w->at)
			continue;
		snprintf(about, sizeof(about), "transport %" PRIu64,
			 w->transport);
		alarm_seen(a, ALARM_KEY, about,
			   "A hop key of %s is near its end, and is still in "
			   "use",
			   about);
	}
}

/* ------------------------------------------------------------------- drops */

static void verdict_item(const struct sp_verdict_count *v, void *arg)
{
	if (v->severity == 2) /* wrong: abi.h */
		*(uint64_t *)arg += v->count;
}

void look_drops(struct alarms *a)
{
	const struct sp_greeting *g = dp_greeting(a->cfg.dp);
	uint64_t count = 0, now = tmr_jiffies();

	if (!g || !dp_connected(a->cfg.dp) ||
	    dp_list_verdicts(a->cfg.dp, verdict_item, &count) != SP_OK)
		return;
	if (g->instance != a->instance) { /* it counts from 0 again */
		a->instance = g->instance;
		a->wrong = count;
	}
	if (count > a->wrong)
		a->wrong_at = now;
	a->wrong = count;
	if (a->wrong_at && now - a->wrong_at < DROPS_MS)
		alarm_seen(a, ALARM_DROPS, "verdicts",
			   "Packets are dropped that shouldn't be; \"sallyctl "
			   "stats\" says why");
}
