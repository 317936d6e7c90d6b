/* SPDX-License-Identifier: Apache-2.0 */
#include "control/endpoint/sdp.h"
#include <sodium.h>
#include <string.h>

#define PROTO_PLAIN "RTP/AVP"
#define PROTO_SRTP  "RTP/SAVP"

struct desc {
	struct sdp_session *sess;
	struct {
		struct sdp_media *m;
		struct hop *hop;
		unsigned tag; /* of a=crypto */
		bool keyed;   /* the peer's key was usable */
	} line[E2EE_KINDS];
};

int desc_new(struct desc **dp, const struct sa *laddr)
{
	struct desc *d = mem_zalloc(sizeof(*d), NULL);
	int err;

	if (!d)
		return ENOMEM;
	err = sdp_session_alloc(&d->sess, laddr);
	if (err)
		d = mem_deref(d);
	*dp = d;
	return err;
}

void desc_free(struct desc *d)
{
	if (!d)
		return;
	mem_deref(d->sess);
	mem_deref(d);
}

static int set_crypto(struct desc *d, enum e2ee_kind kind)
{
	char value[HOP_LINE_MAX];
	int err;

	hop_offer(d->line[kind].hop, d->line[kind].tag, value);
	err = sdp_media_set_lattr(d->line[kind].m, true, "crypto", "%s", value);
	sodium_memzero(value, sizeof(value));
	return err;
}

/* RFC 6184 section 8.2.2: what can't be reassembled is another codec. We send
 * and read FU-A, which is mode 1. */
static bool same_h264(const char *ours, const char *theirs, void *data)
{
	struct pl mode = PL_INIT;

	(void)ours;
	(void)data;
	return theirs &&
	       !re_regex(theirs, strlen(theirs), "packetization-mode=[0-9]+",
			 &mode) &&
	       !pl_strcmp(&mode, "1");
}

int desc_add(struct desc *d, enum e2ee_kind kind, uint16_t port, unsigned only,
	     struct hop *hop)
{
	struct sdp_media *m;
	int err = sdp_media_add(&m, d->sess,
				kind == E2EE_AUDIO ? sdp_media_audio
						   : sdp_media_video,
				port, hop ? PROTO_SRTP : PROTO_PLAIN);

	if (err)
		return err;
	d->line[kind].m = m;
	d->line[kind].hop = hop;
	d->line[kind].tag = 1;
	for (unsigned i = 0; i < CODECS_MAX && !err; i++) {
		const struct codec *c = &codecs[i];
		char id[4];

		if (!(only & 1u << i) || c->video != (kind != E2EE_AUDIO))
			continue;
		re_snprintf(id, sizeof(id), "%u", c->id);
		err = sdp_format_add(NULL, m, false, id, c->name, c->clock,
				     c->channels, NULL,
				     c->id == MEDIA_H264 ? same_h264 : NULL,
				     (void *)c, false, c->fmtp ? "%s" : NULL,
				     c->fmtp);
	}
	if (!err && kind == E2EE_SCREEN)
		err = sdp_media_set_lattr(m, true, "content", "slides");
	if (!err && kind == E2EE_AUDIO)
		err = sdp_media_set_lattr(m, true, "ptime", "%u", PTIME_MS);
	if (!err && hop)
		err = set_crypto(d, kind);
	return err;
}

void desc_direction(struct desc *d, enum e2ee_kind kind, enum sdp_dir dir)
{
	if (d->line[kind].m)
		sdp_media_set_ldir(d->line[kind].m, dir);
}

int desc_e2ee(struct desc *d, const char *value)
{
	if (value)
		return sdp_session_set_lattr(d->sess, true, E2EE_ATTR_NAME,
					     "%s", value);
	sdp_session_del_lattr(d->sess, E2EE_ATTR_NAME);
	return 0;
}

int desc_write(struct desc *d, bool offer, struct mbuf **mbp)
{
	return sdp_encode(mbp, d->sess, offer);
}

struct crypto {
	struct hop *hop;
	unsigned tag;
	bool found;
};

static bool crypto_line(const char *name, const char *value, void *arg)
{
	struct crypto *c = arg;

	(void)name;
	if (value)
		c->found = hop_accept(c->hop, value, strlen(value), &c->tag);
	return c->found;
}

static int read_crypto(struct desc *d, enum e2ee_kind kind, bool offer)
{
	struct crypto c = {.hop = d->line[kind].hop};

	sdp_media_rattr_apply(d->line[kind].m, "crypto", crypto_line, &c);
	if (!c.found)
		return EPROTO;
	if (!offer)
		return 0;
	d->line[kind].tag = c.tag;
	return set_crypto(d, kind);
}

int desc_read(struct desc *d, const uint8_t *p, size_t len, bool offer)
{
	struct mbuf *mb = mbuf_alloc(len + 1);
	int err;

	if (!mb)
		return ENOMEM;
	err = mbuf_write_mem(mb, p, len);
	mb->pos = 0;
	if (!err)
		err = sdp_decode(d->sess, mb, offer) ? EBADMSG : 0;
	mem_deref(mb);
	for (int k = 0; k < E2EE_KINDS && !err; k++)
		if (d->line[k].m && d->line[k].hop &&
		    sdp_media_rport(d->line[k].m))
			err = read_crypto(d, k, offer);
	return err;
}

void desc_line(const struct desc *d, enum e2ee_kind kind, struct desc_line *out)
{
	struct sdp_media *m = d->line[kind].m;
	enum sdp_dir dir;
	struct le *le;

	memset(out, 0, sizeof(*out));
	if (!m || !sdp_media_rport(m) || sdp_media_disabled(m))
		return;
	out->rtp = *sdp_media_raddr(m);
	sdp_media_raddr_rtcp(m, &out->rtcp);
	dir = sdp_media_dir(m);
	out->send = dir & SDP_SENDONLY;
	out->receive = dir & SDP_RECVONLY;
	LIST_FOREACH (sdp_media_format_lst(m, false), le) {
		const struct sdp_format *r = le->data, *l;
		const struct codec *c = r->data;

		if (!r->sup || !c || out->codecs == CODECS_MAX)
			continue;
		l = sdp_media_format(m, true, NULL, -1, c->name, -1, -1);
		if (!l)
			continue;
		out->codec[out->codecs].codec = c->id;
		out->codec[out->codecs].in = (uint8_t)(l->pt & 0x7f);
		out->codec[out->codecs].out = (uint8_t)(r->pt & 0x7f);
		out->codecs++;
	}
	/* Digits alone are no call. */
	for (unsigned i = 0; i < out->codecs; i++)
		out->used |= out->codec[i].codec != MEDIA_EVENT;
}

static unsigned known_codecs(const struct sdp_media *m, bool video)
{
	unsigned known = 0;
	struct le *le;

	LIST_FOREACH (sdp_media_format_lst(m, false), le) {
		const struct sdp_format *f = le->data;
		const struct codec *c =
			f->name ? codec_by_name(f->name, strlen(f->name))
				: NULL;

		if (c && c->video == video)
			known |= 1u << (c - codecs);
	}
	return known;
}

bool desc_wishes(const uint8_t *p, size_t len, struct desc_wish *out)
{
	struct sdp_session *sess = NULL;
	struct mbuf *mb = mbuf_alloc(len + 1);
	unsigned seen = 0;
	struct le *le;
	struct sa any;
	bool ok;

	memset(out, 0, sizeof(*out));
	sa_set_str(&any, "0.0.0.0", 0);
	ok = mb && !mbuf_write_mem(mb, p, len) &&
	     !sdp_session_alloc(&sess, &any);
	if (ok) {
		mb->pos = 0;
		ok = !sdp_decode(sess, mb, true);
	}
	LIST_FOREACH (ok ? sdp_session_medial(sess, false) : NULL, le) {
		const struct sdp_media *m = le->data;
		const char *content = sdp_media_rattr(m, "content");
		bool audio = !str_cmp(sdp_media_name(m), sdp_media_audio);
		enum e2ee_kind kind = audio ? E2EE_AUDIO
				      : content && strstr(content, "slides")
					      ? E2EE_SCREEN
					      : E2EE_VIDEO;

		if (seen & 1u << kind || !sdp_media_rport(m) ||
		    (!audio && str_cmp(sdp_media_name(m), sdp_media_video)))
			continue;
		seen |= 1u << kind;
		out->line[out->lines].kind = kind;
		out->line[out->lines].srtp =
			!str_cmp(sdp_media_proto(m), PROTO_SRTP);
		out->line[out->lines].codecs = known_codecs(m, !audio);
		out->lines++;
	}
	mem_deref(sess);
	mem_deref(mb);
	return ok;
}
