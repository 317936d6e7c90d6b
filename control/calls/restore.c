/* SPDX-License-Identifier: Apache-2.0 */
/* control/calls/restore.c - calls outlive the program: saved, and taken up. */
#include <stdlib.h>
#include <string.h>
#include "control/calls/impl.h"
#include "control/log.h"

void call_save(struct call *c)
{
	char *media, *text = NULL;
	json_t *j;

	if (c->state != CALL_UP)
		return;
	media = media_save(c->path->media);
	j = json_pack("{s:s, s:s, s:s, s:I, s:I, s:s, s:o, s:o}", "door",
		      c->door->name, "from", c->from, "to", c->to, "started",
		      (json_int_t)c->started, "answered",
		      (json_int_t)c->answered, "media", media ? media : "",
		      "legs", c->door->save(c->arg), "solo",
		      solo_save(c->path));
	if (j) {
		recording_save(c, j);
		fork_save(c, j);
		subscriptions_save(c, j);
		notice_save(c, j);
		text = json_dumps(j, JSON_COMPACT);
	}
	if (text)
		store_call_put(c->all->cfg.store, c->id, text);
	else
		log_error(c->id, "can't be saved: no memory");
	free(text);
	json_decref(j);
	free(media);
}

/* One row of the store. What can't be taken up leaves a record and goes; its
 * transports, claimed by nobody, go with the next reconciliation. */
static void load_one(uint64_t id, const char *text, void *arg)
{
	const char *name, *from, *to, *media;
	json_int_t started, answered;
	struct calls *cs = arg;
	json_t *j, *legs, *solo = NULL;
	struct call *c = NULL;
	unsigned d;

	j = json_loads(text, 0, NULL);
	if (!j || json_unpack(j, "{s:s, s:s, s:s, s:I, s:I, s:s, s:o, s?o}",
			      "door", &name, "from", &from, "to", &to,
			      "started", &started, "answered", &answered,
			      "media", &media, "legs", &legs, "solo", &solo))
		goto lost;
	for (d = 0; d < cs->n_doors; d++)
		if (!strcmp(cs->doors[d].door->name, name))
			break;
	if (d == cs->n_doors)
		goto lost;

	c = call_link(cs, cs->doors[d].door, id, from, to);
	if (!c)
		goto lost;
	c->started = started;
	c->answered = answered;
	c->state = CALL_UP;
	c->path = path_load(c, media);
	if (!c->path || !solo_load(c->path, solo))
		goto lost;
	c->arg = c->door->load(cs->doors[d].arg, c, c->path, legs);
	if (!c->arg)
		goto lost;
	recording_load(c, j);
	fork_load(c, j);
	subscriptions_load(c, j);
	notice_load(c, j);
	log_info(id, "%s to %s: taken up again", from, to);
	json_decref(j);
	return;

lost:
	if (c)
		call_end(c, CALL_BY_GATEWAY, 500, "lost in a restart");
	else
		store_call_remove(cs->cfg.store, id);
	log_error(id, "saved, but can't be taken up again");
	json_decref(j);
}

void calls_load(struct calls *cs)
{
	store_call_list(cs->cfg.store, load_one, cs);
}
