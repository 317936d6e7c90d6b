/* SPDX-License-Identifier: Apache-2.0 */
/* The life of the connection: connect, HELLO, GREETING, reconcile; events. */
#include <errno.h>
#include <stdlib.h>
#include "control/dataplane/dp_internal.h"

#define RECONNECT_MS  500
#define GREETING_MS   1000
#define EVENTS_MAX    4096 /* that wait; beyond, it is an overrun */
#define DATAGRAMS_MAX 256  /* that wait; beyond, they are lost */

static void connect_again(void *arg);
static void socket_readable(int flags, void *arg);

void dp_session_down(struct dp *dp)
{
	if (dp->link.fd >= 0)
		fd_close(dp->link.fd);
	link_close(&dp->link);
	dp->state = DP_DOWN;
	tmr_start(&dp->tmr, RECONNECT_MS, connect_again, dp);
}

static void greeting_late(void *arg)
{
	dp_session_down(arg);
}

static void connect_again(void *arg)
{
	struct dp *dp = arg;

	if (link_open(&dp->link, dp->path) != 0 ||
	    fd_listen(dp->link.fd, FD_READ, socket_readable, dp) != 0) {
		dp_session_down(dp);
		return;
	}
	dp->state = DP_HELLO;
	tmr_start(&dp->tmr, GREETING_MS, greeting_late, dp);
}

void dp_session_start(struct dp *dp)
{
	tmr_start(&dp->tmr, 0, connect_again, dp);
}

static bool greeting_ok(const struct sp_greeting *g)
{
	if (g->instance == 0 || g->n_workers == 0 ||
	    g->n_workers > SP_WORKER_MAX || g->n_media > SP_MEDIA_ADDR_MAX)
		return false;
	for (unsigned i = 0; i < g->n_media; i++) {
		const struct sp_media_addr *m = &g->media[i];

		if ((m->addr.family != 4 && m->addr.family != 6) ||
		    m->udp_first % 2 != 0 || m->udp_last % 2 != 1 ||
		    m->udp_first >= m->udp_last)
			return false;
	}
	return true;
}

void dp_session_up(struct dp *dp)
{
	bool fresh = dp->instance && dp->instance != dp->greeting.instance;

	if (!dp_reconcile(dp)) {
		dp_session_down(dp);
		return;
	}
	dp->state = DP_UP;
	dp->instance = dp->greeting.instance;
	if (dp->uph)
		dp->uph(fresh, dp->arg);
}

/* ----------------------------------------------------------------- events */

static void events_out(void *arg)
{
	struct dp *dp = arg;

	if (dp->overrun && dp->state == DP_UP) {
		dp->overrun = false;
		if (!dp_reconcile(dp))
			dp_session_down(dp);
	}
	while (dp->events) {
		struct dp_event_item *item = dp->events;

		dp->events = item->next;
		if (!dp->events)
			dp->events_end = &dp->events;
		dp->n_events--;
		if (dp->eventh)
			dp->eventh(&item->e, dp->arg);
		free(item);
	}
	while (dp->datagrams) {
		struct dp_datagram_item *item = dp->datagrams;

		dp->datagrams = item->next;
		if (!dp->datagrams)
			dp->datagrams_end = &dp->datagrams;
		dp->n_datagrams--;
		if (dp->punth)
			dp->punth(&item->d, dp->punt_arg);
		free(item);
	}
}

void dp_session_punted(const struct sp_datagram *d, void *arg)
{
	struct dp *dp = arg;
	struct dp_datagram_item *item;

	/* Whom it matters to sends it again: STUN and DTLS both do. */
	if (!dp->punth || dp->n_datagrams == DATAGRAMS_MAX)
		return;
	item = malloc(sizeof(*item));
	if (!item)
		return;
	*item = (struct dp_datagram_item){.d = *d};
	*dp->datagrams_end = item;
	dp->datagrams_end = &item->next;
	dp->n_datagrams++;
	if (!tmr_isrunning(&dp->tmr_event))
		tmr_start(&dp->tmr_event, 0, events_out, dp);
}

void dp_session_event(const struct sp_event *e, void *arg)
{
	struct dp *dp = arg;
	struct want *w = wants_find(dp->wants, false, e->id);
	struct dp_event_item *item = NULL;

	if (e->kind == SP_EVENT_OVERRUN)
		dp->overrun = true;
	else if (w && e->kind == SP_EVENT_ROC)
		w->t.rx_roc = (uint32_t)e->value;
	else if (w && e->kind == SP_EVENT_MEDIA)
		w->silent_at = 0;
	else if (w && e->kind == SP_EVENT_SILENT)
		w->silent_at = tmr_jiffies() - w->t.silent_ms;

	if (dp->n_events < EVENTS_MAX)
		item = malloc(sizeof(*item));
	if (item) {
		*item = (struct dp_event_item){.e = *e};
		*dp->events_end = item;
		dp->events_end = &item->next;
		dp->n_events++;
	} else {
		dp->overrun = true;
	}
	if (!tmr_isrunning(&dp->tmr_event))
		tmr_start(&dp->tmr_event, 0, events_out, dp);
}

static void socket_readable(int flags, void *arg)
{
	struct dp *dp = arg;
	struct sp_msg m;
	int n;

	(void)flags;
	while ((n = link_receive(&dp->link, &m)) == 1) {
		if (link_unasked(&dp->link, &m))
			continue;
		/* outside of a request only the GREETING may come */
		if (m.hdr.type != SP_GREETING || dp->state != DP_HELLO ||
		    m.hdr.seq != dp->link.seq ||
		    !greeting_ok(&m.body.greeting)) {
			n = -1;
			break;
		}
		tmr_cancel(&dp->tmr);
		dp->greeting = m.body.greeting;
		dp->greeted = true;
		dp->state = DP_GREETED;
		if (dp->ready)
			dp_session_up(dp);
		if (dp->link.fd < 0)
			return;
	}
	if (n < 0)
		dp_session_down(dp);
}
