/* SPDX-License-Identifier: Apache-2.0 */
/* What the legs of an m-line speak: kept, shared, as JSON and back. */
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include "control/calls/media_impl.h"
#include "control/libre.h"

/* Before there is an answer: shared by all, and never written to. */
static struct tongue silent[2] = {{.event_pt = NO_PT}, {.event_pt = NO_PT}};

void media_codecs_init(struct mline *l)
{
	l->tongue = silent;
}

void media_codecs_ref(struct mline *l)
{
	mem_ref((void *)l->codecs);
	if (l->tongue != silent)
		mem_ref(l->tongue);
}

void media_codecs_drop(struct mline *l)
{
	l->codecs = mem_deref((void *)l->codecs);
	l->n_codecs = 0;
	if (l->tongue != silent)
		mem_deref(l->tongue);
	l->tongue = silent;
}

void media_tongues_begin(struct mline *l, struct tongues *draft)
{
	if (l->tongue != silent)
		mem_deref(l->tongue);
	memset(draft, 0, sizeof(*draft));
	l->tongue = draft->of;
	for (int x = LEG_A; x <= LEG_B; x++)
		l->tongue[x].spoken = draft->spoken[x];
	media_tongues_clear(l);
}

void media_tongues_clear(struct mline *l)
{
	l->transcoded = false;
	for (int x = LEG_A; x <= LEG_B; x++) {
		struct tongue *t = &l->tongue[x];

		*t = (struct tongue){.event_pt = NO_PT, .spoken = t->spoken};
	}
}

int media_tongues_keep(struct mline *l, bool ok)
{
	const struct tongue *draft = l->tongue;
	struct tongue *kept;
	struct codec *room;

	l->tongue = silent;
	if (!ok)
		return 0;
	kept = mem_alloc(2 * sizeof(*kept) + (draft[LEG_A].n + draft[LEG_B].n) *
						     sizeof(*room),
			 NULL);
	if (!kept)
		return ENOMEM;
	room = (struct codec *)(kept + 2);
	for (int x = LEG_A; x <= LEG_B; x++) {
		kept[x] = draft[x];
		kept[x].spoken = room;
		memcpy(room, draft[x].spoken, draft[x].n * sizeof(*room));
		room += draft[x].n;
	}
	l->tongue = kept;
	return 0;
}

/* --------------------------------------------------------------- restarts */

static json_t *codec_json(const struct codec *c)
{
	return json_pack("[s, I, i, i, s]", c->name, (json_int_t)c->clock,
			 (int)c->channels, c->pt, c->fmtp);
}

static json_t *tongue_json(const struct tongue *t)
{
	json_t *spoken = json_array();

	for (unsigned i = 0; i < t->n; i++)
		json_array_append_new(spoken, codec_json(&t->spoken[i]));
	return json_pack("{s:o, s:i, s:i, s:o}", "codec", codec_json(&t->codec),
			 "event", t->event_pt, "ptime", t->ptime, "spoken",
			 spoken);
}

json_t *media_codecs_save(const struct mline *l)
{
	return json_pack("{s:b, s:[o, o]}", "transcoded", l->transcoded,
			 "tongue", tongue_json(&l->tongue[LEG_A]),
			 tongue_json(&l->tongue[LEG_B]));
}

static void codec_load(json_t *j, struct codec *c)
{
	const char *name, *fmtp;
	json_int_t clock;
	int channels, pt;

	if (json_unpack(j, "[s, I, i, i, s]", &name, &clock, &channels, &pt,
			&fmtp) != 0)
		return;
	snprintf(c->name, sizeof(c->name), "%s", name);
	snprintf(c->fmtp, sizeof(c->fmtp), "%s", fmtp);
	c->clock = (uint32_t)clock;
	c->channels = (uint32_t)channels;
	c->pt = (uint8_t)pt;
}

static void tongue_load(json_t *j, struct tongue *t)
{
	json_t *codec, *spoken, *item;
	int event, ptime;
	size_t i;

	if (json_unpack(j, "{s:o, s:i, s:i, s:o}", "codec", &codec, "event",
			&event, "ptime", &ptime, "spoken", &spoken) != 0)
		return;
	codec_load(codec, &t->codec);
	t->event_pt = (uint8_t)event;
	t->ptime = (uint8_t)ptime;
	json_array_foreach (spoken, i, item) {
		if (t->n < MEDIA_SPOKEN_MAX)
			codec_load(item, &t->spoken[t->n++]);
	}
}

bool media_codecs_load(json_t *j, struct mline *l)
{
	json_t *tongue = json_object_get(j, "tongue");
	struct tongues draft;

	memset(l->added, NO_PT, sizeof(l->added));
	media_tongues_begin(l, &draft);
	l->transcoded = json_is_true(json_object_get(j, "transcoded"));
	for (int x = LEG_A; x <= LEG_B; x++)
		tongue_load(json_array_get(tongue, (size_t)x), &l->tongue[x]);
	return media_tongues_keep(l, true) == 0;
}
