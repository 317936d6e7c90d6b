/* SPDX-License-Identifier: Apache-2.0 */
#include "control/hep/hep.h"
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <unistd.h>
#include "control/calls/call.h"
#include "control/config.h"
#include "control/hep/mask.h"
#include "control/hep/packet.h"
#include "control/hep/report.h"
#include "control/log.h"
#include "control/sip/addr.h"

struct hep {
	const struct config_hep *cfg;
	int fd;
	struct tmr tmr;
	struct calls *calls;
	uint8_t masked[HEP_PACKET_MAX], packet[HEP_PACKET_MAX];
};

int hep_open(struct hep **hp, const struct config_hep *cfg, char *err,
	     size_t errlen)
{
	struct hep *h;
	struct sa to;
	int e = 0;

	*hp = NULL;
	if (!cfg->collector)
		return 0;
	h = calloc(1, sizeof(*h));
	if (!h || !sip_addr_parse(&to, cfg->collector)) {
		free(h);
		snprintf(err, errlen, "hep: no memory");
		return ENOMEM;
	}
	h->cfg = cfg;
	tmr_init(&h->tmr);
	h->fd = socket(sa_af(&to), SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK,
		       0);
	/* connected: a collector that isn't there answers with ICMP, which is
	 * nobody's business */
	if (h->fd < 0 || connect(h->fd, &to.u.sa, to.len) < 0) {
		e = errno;
		snprintf(err, errlen, "hep to %s: %s", cfg->collector,
			 strerror(e));
		hep_close(h);
		return e;
	}
	log_info(0, "HEP to %s", cfg->collector);
	*hp = h;
	return 0;
}

void hep_close(struct hep *h)
{
	if (!h)
		return;
	tmr_cancel(&h->tmr);
	if (h->fd >= 0)
		close(h->fd);
	free(h);
}

static void put(struct hep *h, struct hep_packet *p)
{
	struct timeval now;
	size_t n;

	gettimeofday(&now, NULL);
	p->seconds = (uint32_t)now.tv_sec;
	p->microseconds = (uint32_t)now.tv_usec;
	p->id = h->cfg->id;
	p->password = h->cfg->password;
	n = hep_write(p, h->packet);
	/* A refusal is that of an earlier one: the collector may be back. What
	 * can't be sent now is of no use later. */
	for (int i = 0; n && i < 2; i++)
		if (send(h->fd, h->packet, n, MSG_DONTWAIT) >= 0 ||
		    errno != ECONNREFUSED)
			return;
}

void hep_sip(struct hep *h, bool udp, const struct sa *src,
	     const struct sa *dst, const uint8_t *p, size_t len)
{
	if (!h || len > sizeof(h->masked))
		return;
	memcpy(h->masked, p, len);
	mask_sip(h->masked, len);
	put(h, &(struct hep_packet){.type = HEP_SIP,
				    .udp = udp,
				    .src = src,
				    .dst = dst,
				    .payload = h->masked,
				    .len = len});
}

static void report(const struct hep_report *r, void *arg)
{
	struct hep *h = arg;
	char *text = json_dumps(r->body, JSON_COMPACT);

	if (text)
		put(h, &(struct hep_packet){.type = HEP_RTCP_JSON,
					    .udp = true,
					    .src = &r->src,
					    .dst = &r->dst,
					    .correlation = r->correlation,
					    .payload = (uint8_t *)text,
					    .len = strlen(text)});
	free(text);
}

static void tick(void *arg)
{
	struct hep *h = arg;
	json_t *calls = calls_json(h->calls);

	hep_reports_make(calls, report, h);
	json_decref(calls);
	tmr_start(&h->tmr, HEP_REPORT_SECONDS * 1000, tick, h);
}

void hep_ended(struct hep *h, const json_t *call)
{
	json_t *calls = h ? json_pack("[O]", call) : NULL;

	hep_reports_make(calls, report, h);
	json_decref(calls);
}

void hep_reports(struct hep *h, struct calls *calls)
{
	if (!h)
		return;
	h->calls = calls;
	tmr_start(&h->tmr, HEP_REPORT_SECONDS * 1000, tick, h);
}
