/* SPDX-License-Identifier: Apache-2.0 */
/* control/calls/watch.c - calls whose media has gone, or can't come back. */
#include "control/calls/impl.h"
#include "control/log.h"

#define WATCH_MS 1000

static void look(struct call *c, void *arg)
{
	const struct calls *cs = arg;
	const char *refused;
	int64_t up = call_now() - c->answered;
	uint32_t ms = cs->cfg.media_timeout * 1000;

	if (c->state != CALL_UP)
		return;
	media_tick(c->path->media);
	subscriptions_tick(c);
	if (up < (int64_t)cs->cfg.media_timeout)
		return;
	if (media_silent(c->path->media, ms)) {
		c->door->hangup(c->arg, 200, "no media from either side");
		return;
	}
	refused = media_dtls_refused(c->path->media, ms);
	if (refused) {
		c->door->hangup(c->arg, 488, refused);
		return;
	}
	for (enum leg l = LEG_A; c->door->gone && l <= LEG_B; l++) {
		if (!c->door->gone(c->arg, l) ||
		    !media_silent_from(c->path->media, l, ms))
			continue;
		c->door->hangup(c->arg, 200,
				"no media from one side, which is gone");
		return;
	}
}

static void tick(void *arg)
{
	struct calls *cs = arg;

	/* While the dataplane is away nobody knows who is silent. */
	if (dp_connected(cs->cfg.dp))
		calls_each(cs, look, cs);
	tmr_start(&cs->watch, WATCH_MS, tick, cs);
}

void calls_media_timeout(struct calls *cs, unsigned seconds)
{
	cs->cfg.media_timeout = seconds;
}

void watch_start(struct calls *cs)
{
	tmr_start(&cs->watch, WATCH_MS, tick, cs);
}

static void check_keys(struct call *c, void *arg)
{
	const struct calls *cs = arg;

	if (c->state == CALL_UP) { /* other workers may own its streams now */
		media_duties(c->path->media, cs->cfg.duties);
		subscriptions_restored(c);
	}
	if (c->state != CALL_UP || !media_keys_lost(c->path->media))
		return;
	log_warn(c->id, "its hop keys were lost with the dataplane");
	c->door->hangup(c->arg, 503,
			"the media keys were lost when the gateway restarted");
}

void calls_dataplane_up(struct calls *cs, bool fresh)
{
	log_info(0, "dataplane: connected%s", fresh ? ", newly started" : "");
	calls_each(cs, check_keys, cs);
}
