/* SPDX-License-Identifier: Apache-2.0 */
/* control/calls/fork_media.c - the media of a fork, see fork.h.
 *
 * Media with one leg, B, who takes the fork; the other end is the gateway, whose
 * SDP is made here. What leaves on each m-line is what arrives on the port of a
 * stream of the call, sent on in the codec that was agreed there. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include "control/calls/fork.h"
#include "control/calls/impl.h"
#include "control/sdp/sdp.h"

#define PORT_SDP 9 /* discard: nobody listens at the gateway's own end */

struct fork_media {
	struct media *media;
	struct duties *duties;
	struct fork_stream stream[FORK_STREAMS_MAX];
	unsigned n;
	bool mirror; /* each speaker's own codec is offered first */
};

/* What is offered, best first: recorders know the first two. Digits aren't
 * forked, they may be somebody's PIN. */
static const struct own {
	const char *name;
	unsigned clock, channels;
	int pt;
	const char *fmtp; /* NULL: none */
} own[] = {
	{"PCMA", 8000, 1, 8, NULL},
	{"PCMU", 8000, 1, 0, NULL},
	{"G722", 8000, 1, 9, NULL},
	{"opus", 48000, 2, 96, "useinbandfec=1"},
};

#define OWN (sizeof(own) / sizeof(own[0]))

static bool have(const struct fork_media *f, const struct own *o)
{
	struct duty_why why;

	/* while sallyport-media is away, what every build can do */
	return duties_up(f->duties, &why) ? duties_codec(f->duties, o->name)
					  : strcmp(o->name, "opus") != 0;
}

struct fork_media *fork_media_new(struct call *c,
				  const struct fork_stream stream[], unsigned n,
				  const struct media_leg_addr *to,
				  const struct media_profile *profile)
{
	const struct media_leg_addr addr[2] = {*to, *to};
	const struct media_profile profiles[2] = {*profile, *profile};
	struct fork_media *f = calloc(1, sizeof(*f));

	if (!f)
		return NULL;
	f->duties = c->all->cfg.duties;
	f->media = media_new(c->all->cfg.dp, c->id, addr, profiles);
	if (!f->media) {
		free(f);
		return NULL;
	}
	media_solo(f->media, LEG_B);
	media_duties(f->media, f->duties);
	f->n = n < FORK_STREAMS_MAX ? n : FORK_STREAMS_MAX;
	memcpy(f->stream, stream, f->n * sizeof(stream[0]));
	return f;
}

void fork_media_free(struct fork_media *f)
{
	if (!f)
		return;
	media_free(f->media);
	free(f);
}

/* An address of its family that media could be sent to (RFC 5737, 3849); none
 * ever is. */
static void begin(struct fork_media *f, FILE *t)
{
	struct sp_addr here;
	bool six;

	media_here(f->media, LEG_B, &here);
	six = here.family == 6;
	fprintf(t,
		"v=0\r\no=- 1 1 IN IP%c %s\r\ns=-\r\nc=IN IP%c %s\r\n"
		"t=0 0\r\n",
		six ? '6' : '4', six ? "2001:db8::1" : "192.0.2.1",
		six ? '6' : '4', six ? "2001:db8::1" : "192.0.2.1");
}

static void codec_line(FILE *t, const struct own *o, unsigned pt)
{
	fprintf(t, "a=rtpmap:%u %s/%u%s\r\n", pt, o->name, o->clock,
		o->channels > 1 ? "/2" : "");
	if (o->fmtp)
		fprintf(t, "a=fmtp:%u %s\r\n", pt, o->fmtp);
}

/* What is offered for a stream: what the speaker's phone speaks comes first where
 * that is `mirror`ed, since nothing is then lost on the way. */
static unsigned choose(const struct fork_media *f, const struct fork_stream *st,
		       const struct own *out[OWN])
{
	unsigned n = 0;

	for (int first = 1; first >= 0; first--)
		for (size_t k = 0; k < OWN; k++) {
			bool same = f->mirror &&
				    strcasecmp(own[k].name, st->codec) == 0;

			if (same == (first == 1) && have(f, &own[k]))
				out[n++] = &own[k];
		}
	return n;
}

static void offer_line(const struct fork_media *f, FILE *t,
		       const struct fork_stream *st)
{
	const struct own *o[OWN];
	unsigned n = choose(f, st, o);

	fprintf(t, "m=audio %d RTP/AVP", PORT_SDP);
	for (unsigned k = 0; k < n; k++)
		fprintf(t, " %d", o[k]->pt);
	fprintf(t, "\r\n");
	for (unsigned k = 0; k < n; k++)
		codec_line(t, o[k], (unsigned)o[k]->pt);
	fprintf(t, "a=sendonly\r\na=label:%s\r\n", st->label);
}

static int no(struct media_why *why, int status, const char *text)
{
	why->status = status;
	snprintf(why->text, sizeof(why->text), "%s", text);
	return -1;
}

int fork_media_offer(struct fork_media *f, char **sdp, struct media_why *why)
{
	char *text = NULL;
	size_t len;
	FILE *t;
	int err;

	*sdp = NULL;
	if (!f->n)
		return no(why, 409, "The call has no audio");
	t = open_memstream(&text, &len);
	if (!t)
		return no(why, 500, "Out of memory");
	begin(f, t);
	for (unsigned i = 0; i < f->n; i++)
		offer_line(f, t, &f->stream[i]);
	err = fclose(t) ? no(why, 500, "Out of memory")
			: media_offer(f->media, LEG_A, text, len, sdp, why);
	free(text);
	for (unsigned i = 0; !err && i < f->n; i++)
		media_source(f->media, i, f->stream[i].stream);
	return err;
}

int fork_media_answer(struct fork_media *f, const char *sdp, size_t len,
		      struct media_why *why)
{
	char *ours = NULL; /* for the end that is ourselves */
	int err = media_answer(f->media, LEG_B, sdp, len, &ours, why);

	free(ours);
	if (!err)
		media_settle(f->media);
	return err;
}

void fork_media_decline(struct fork_media *f)
{
	media_rollback(f->media);
}

static const struct own *own_find(const struct fork_media *f,
				  const struct sdp_codec *c)
{
	for (size_t k = 0; k < OWN; k++)
		if (sdp_view_ieq(c->name, own[k].name) &&
		    c->clock == own[k].clock &&
		    c->channels == own[k].channels && have(f, &own[k]))
			return &own[k];
	return NULL;
}

/* Of one m-line that is offered: the first codec that is ours; refused if there
 * is none, or it is no stream of ours. */
static bool answer_line(const struct fork_media *f, FILE *t,
			const struct sdp *s, unsigned i)
{
	const struct own *o = NULL;
	struct sdp_mline ml;
	struct sdp_codec c;

	sdp_mline(s, i, &ml);
	for (unsigned pos = 0; !o && sdp_codec_next(s, i, &pos, &c);)
		o = own_find(f, &c);
	if (!o || !ml.port || i >= f->n || !sdp_view_eq(ml.kind, "audio")) {
		fprintf(t, "m=%.*s 0 %.*s %.*s\r\n", (int)ml.kind.len,
			ml.kind.p, (int)ml.proto.len, ml.proto.p,
			(int)ml.fmts.len, ml.fmts.p);
		return false;
	}
	fprintf(t, "m=audio %d %.*s %u\r\n", PORT_SDP, (int)ml.proto.len,
		ml.proto.p, c.pt);
	codec_line(t, o, c.pt);
	fprintf(t, "a=%s\r\na=label:%s\r\n",
		SDP_DIR_RECV(sdp_dir(s, i)) ? "sendonly" : "inactive",
		f->stream[i].label);
	return true;
}

int fork_media_offered(struct fork_media *f, const char *sdp, size_t len,
		       char **out, struct media_why *why)
{
	char *heard = NULL, *text = NULL;
	struct sdp *s = NULL;
	struct sdp_error e;
	bool any = false;
	size_t n;
	FILE *t;
	int err;

	*out = NULL;
	if (media_offer(f->media, LEG_B, sdp, len, &heard, why) != 0)
		return -1;
	s = sdp_parse(heard, strlen(heard), &e);
	t = open_memstream(&text, &n);
	if (t) {
		begin(f, t);
		for (unsigned i = 0; s && i < sdp_media_count(s); i++)
			any |= answer_line(f, t, s, i);
		if (fclose(t) != 0)
			any = false;
	}
	err = any ? media_answer(f->media, LEG_A, text, n, out, why)
		  : no(why, 488, "There is nothing that could be sent");
	if (err)
		media_rollback(f->media);
	else
		media_settle(f->media);
	sdp_free(s);
	free(text);
	free(heard);
	return err;
}

void fork_media_mirror(struct fork_media *f)
{
	f->mirror = true;
}

void fork_media_peer(struct fork_media *f, const struct sp_addr *peer)
{
	media_peer(f->media, LEG_B, peer);
}

void fork_media_to(struct fork_media *f, struct sp_addr *out)
{
	struct media_info info[FORK_STREAMS_MAX];
	unsigned n = media_describe(f->media, info, FORK_STREAMS_MAX);

	memset(out, 0, sizeof(*out));
	for (unsigned i = 0; i < n && !out->family; i++)
		*out = info[i].peer[LEG_B];
}

unsigned fork_media_streams(const struct fork_media *f,
			    struct fork_stream out[], unsigned n)
{
	n = n < f->n ? n : f->n;
	memcpy(out, f->stream, n * sizeof(out[0]));
	return n;
}

void fork_media_source(struct fork_media *f, unsigned i,
		       const struct fork_stream *stream)
{
	f->stream[i].stream = stream->stream;
	f->stream[i].flows = stream->flows;
	media_source(f->media, i, stream->stream);
}

void fork_media_tick(struct fork_media *f)
{
	media_tick(f->media);
}

bool fork_media_restored(struct fork_media *f)
{
	media_duties(f->media, f->duties); /* its worker may be another */
	return !media_keys_lost(f->media);
}

json_t *fork_media_save(const struct fork_media *f)
{
	char *media = media_save(f->media);
	json_t *streams = json_array(), *j;

	for (unsigned i = 0; i < f->n; i++)
		json_array_append_new(
			streams, json_pack("{s:s, s:i, s:I}", "label",
					   f->stream[i].label, "from",
					   (int)f->stream[i].from, "stream",
					   (json_int_t)f->stream[i].stream));
	j = json_pack("{s:s, s:o}", "media", media ? media : "", "streams",
		      streams);
	free(media);
	return j;
}

struct fork_media *fork_media_load(struct call *c, const json_t *saved)
{
	struct fork_media *f = calloc(1, sizeof(*f));
	json_t *streams, *item;
	const char *media, *label;
	json_int_t stream;
	int from;
	size_t i;

	if (!f || json_unpack((json_t *)saved, "{s:s, s:o}", "media", &media,
			      "streams", &streams) != 0)
		goto fail;
	json_array_foreach (streams, i, item) {
		struct fork_stream *st = &f->stream[f->n];

		if (f->n == FORK_STREAMS_MAX ||
		    json_unpack(item, "{s:s, s:i, s:I}", "label", &label,
				"from", &from, "stream", &stream) != 0)
			goto fail;
		snprintf(st->label, sizeof(st->label), "%s", label);
		st->from = from == LEG_B ? LEG_B : LEG_A;
		st->stream = (uint64_t)stream;
		f->n++;
	}
	f->duties = c->all->cfg.duties;
	f->media = media_load(c->all->cfg.dp, media);
	if (!f->media)
		goto fail;
	media_duties(f->media, f->duties);
	return f;

fail:
	free(f);
	return NULL;
}
