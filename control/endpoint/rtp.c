/* SPDX-License-Identifier: Apache-2.0 */
#include "control/endpoint/rtp.h"
#include <sodium.h>
#include <string.h>
#include <time.h>
#include "control/endpoint/jitter.h"
#include "control/endpoint/rtcp.h"
#include "control/endpoint/ua.h"

#define HEADER	   12
#define REPORT_MS  5000
#define TICK_MS	   20
#define ASK_KEY_MS 500
#define BUF	   2048
#define NO_CODEC   0xff
#define NTP_1970   2208988800u

struct rtp {
	struct rtp_handlers h;
	enum e2ee_kind kind;
	enum rtp_mode mode;
	struct udp_sock *rtp, *rtcp;
	uint16_t port;
	struct sa to, to_rtcp;
	struct hop *hop;
	struct media *media;
	bool can_send, can_receive, authentic, local;
	char cname[RTCP_CNAME];
	struct tmr report, tick;
	struct rtp_stats stats;
	/* sending */
	uint8_t out[128]; /* payload type of a codec, or NO_CODEC */
	uint8_t first;	  /* payload type of SFrame packets */
	uint8_t last_codec;
	uint16_t seq;
	uint32_t ssrc, last_ts, octets;
	uint64_t last_sent, asked;
	size_t audio_len; /* octets of the last audio payload */
	/* receiving */
	uint8_t in[128]; /* codec of a payload type, or NO_CODEC */
	struct rtcp_source source;
	struct jitter jitter;
	uint64_t order_base, step, order_max;
	bool ordered;
};

static uint32_t clock_of(const struct rtp *r, uint8_t codec)
{
	const struct codec *c = codec_by_id(codec);

	return c ? c->clock : r->kind == E2EE_AUDIO ? 8000 : 90000;
}

static void deliver(struct media_pkt *pkt, void *arg)
{
	struct rtp *r = arg;

	r->h.packet(pkt, r->h.arg);
}

static void tick(void *arg)
{
	struct rtp *r = arg;

	if (jitter_tick(&r->jitter, tmr_jiffies(), deliver, r))
		tmr_start(&r->tick, TICK_MS, tick, r);
}

static void put(struct rtp *r, uint8_t codec, bool marker, uint32_t ts,
		uint64_t order, const uint8_t *p, size_t len)
{
	struct media_pkt *pkt =
		media_pkt_new(r->kind, codec, marker, ts, p, len);

	if (!pkt)
		return;
	pkt->order = order;
	r->stats.received++;
	jitter_put(&r->jitter, pkt, tmr_jiffies(), deliver, r);
	r->stats.late = r->jitter.late;
	if (r->jitter.count && !tmr_isrunning(&r->tick))
		tmr_start(&r->tick, TICK_MS, tick, r);
}

/* One number that rises with step and counter, without a gap where a sender
 * steps on: SFrame's own order, which nobody between can change. */
static uint64_t sealed_order(struct rtp *r, const struct media_frame *f)
{
	uint64_t order;

	if (!r->ordered) {
		r->ordered = true;
		r->step = f->step;
		r->order_base = UINT64_C(1) << 40;
	} else if (f->step > r->step) {
		r->step = f->step;
		r->order_base = r->order_max + 1;
	} else if (f->step < r->step) {
		return 0; /* of the step before, after the next began: late */
	}
	order = r->order_base + f->ctr;
	if (order > r->order_max)
		r->order_max = order;
	return order;
}

static bool digit(const uint8_t **p, size_t *len, uint8_t event[MEDIA_DIGIT])
{
	if (!media_digit_read(*p, *len, event))
		return false;
	*p = event;
	*len = MEDIA_DIGIT;
	return true;
}

static uint32_t get32(const uint8_t *p)
{
	return (uint32_t)p[0] << 24 | (uint32_t)p[1] << 16 |
	       (uint32_t)p[2] << 8 | p[3];
}

/* Take a packet that is good into the statistics. @return its number. */
static uint32_t seen(struct rtp *r, const uint8_t *header, uint8_t codec)
{
	uint32_t ssrc = get32(header + 8);
	uint64_t now = tmr_jiffies() * clock_of(r, codec) / 1000;

	/* Another source begins its order after the last one's. */
	if (r->source.valid && r->source.ssrc != ssrc)
		jitter_flush(&r->jitter);
	return rtcp_seen(&r->source, ssrc,
			 (uint16_t)(header[2] << 8 | header[3]),
			 get32(header + 4), (uint32_t)now);
}

static void receive_sealed(struct rtp *r, const uint8_t *header,
			   const uint8_t *p, size_t len)
{
	uint8_t plain[BUF], event[MEDIA_DIGIT];
	struct media_frame f;
	const struct codec *c;

	if (media_open(r->media, r->kind, tmr_jiffies(), p, len, plain,
		       sizeof(plain), &f) != MEDIA_OK)
		return; /* counted there, by verdict */
	(void)seen(r, header, f.codec);
	if (!r->authentic) {
		r->authentic = true;
		r->h.authentic(r->h.arg);
	}
	c = codec_by_id(f.codec);
	/* What it says may have ended the call. */
	if (r->mode != RTP_SEALED || !r->can_receive || !c ||
	    c->video != (r->kind != E2EE_AUDIO) ||
	    (f.codec == MEDIA_EVENT && !digit(&f.payload, &f.len, event)))
		r->stats.codec++;
	else
		put(r, f.codec, f.marker, f.timestamp, sealed_order(r, &f),
		    f.payload, f.len);
	sodium_memzero(plain, sizeof(plain));
}

static void receive_plain(struct rtp *r, const uint8_t *header,
			  const uint8_t *p, size_t len)
{
	uint8_t codec = r->in[header[1] & 0x7f], event[MEDIA_DIGIT];
	uint32_t order;

	if (codec == NO_CODEC || !r->can_receive ||
	    (codec == MEDIA_EVENT && !digit(&p, &len, event))) {
		r->stats.codec++;
		return;
	}
	order = seen(r, header, codec);
	put(r, codec, header[1] & 0x80, get32(header + 4), order, p, len);
}

/* @return the header's length with CSRCs and extension, 0: malformed. *len is
 * cut by the padding. RFC 3550 section 5. */
static size_t header_size(const uint8_t *p, size_t *len)
{
	size_t n = HEADER, end = *len;

	if (end < HEADER || p[0] >> 6 != 2)
		return 0;
	n += 4 * (size_t)(p[0] & 0x0f);
	if (p[0] & 0x10) {
		if (n + 4 > end)
			return 0;
		n += 4 + 4 * (size_t)(p[n + 2] << 8 | p[n + 3]);
	}
	if (n > end)
		return 0;
	if (p[0] & 0x20) {
		if (!p[end - 1] || p[end - 1] > end - n)
			return 0;
		end -= p[end - 1];
	}
	*len = end;
	return n;
}

static bool from_peer(const struct rtp *r, const struct sa *src,
		      const struct sa *peer)
{
	return sa_cmp(src, peer, SA_ADDR) || (r->local && ua_is_loopback(src));
}

static void rtp_received(const struct sa *src, struct mbuf *mb, void *arg)
{
	struct rtp *r = arg;
	uint8_t *p = mbuf_buf(mb);
	size_t len = mbuf_get_left(mb), n;
	int hop_len = (int)len;

	if (r->mode == RTP_CLOSED) {
		r->stats.closed++;
		return;
	}
	if (!from_peer(r, src, &r->to)) {
		r->stats.source++;
		return;
	}
	if (len < HEADER || len > BUF) {
		r->stats.malformed++;
		return;
	}
	if (r->hop && !hop_unprotect(r->hop, p, &hop_len)) {
		r->stats.hop++;
		return;
	}
	len = (size_t)hop_len;
	n = header_size(p, &len);
	if (!n) {
		r->stats.malformed++;
		return;
	}
	if (r->mode == RTP_SEALED)
		receive_sealed(r, p, p + n, len - n);
	else
		receive_plain(r, p, p + n, len - n);
}

static void rtcp_received(const struct sa *src, struct mbuf *mb, void *arg)
{
	struct rtp *r = arg;
	uint8_t *p = mbuf_buf(mb);
	int len = (int)mbuf_get_left(mb);

	if (r->mode == RTP_CLOSED || !from_peer(r, src, &r->to_rtcp) ||
	    len < 8 || len > BUF)
		return;
	if (r->hop && !hop_unprotect_rtcp(r->hop, p, &len)) {
		r->stats.hop++;
		return;
	}
	if (rtcp_wants_key(p, (size_t)len, r->ssrc))
		r->h.want_key(r->kind, r->h.arg);
}

static bool send_out(struct rtp *r, struct udp_sock *sock, const struct sa *to,
		     uint8_t *p, size_t len, size_t room, bool rtcp)
{
	struct mbuf mb;
	int n = (int)len;

	if (r->hop && !(rtcp ? hop_protect_rtcp(r->hop, p, &n)
			     : hop_protect(r->hop, p, &n)))
		return false;
	mbuf_init(&mb);
	mb.buf = p;
	mb.size = room;
	mb.end = (size_t)n;
	return !udp_send(sock, to, &mb);
}

static void send_rtcp(struct rtp *r, bool ask_key)
{
	uint8_t buf[RTCP_MAX + HOP_OVERHEAD];
	struct timespec t;
	struct rtcp_sender tx = {.ssrc = r->ssrc,
				 .packets = (uint32_t)r->stats.sent,
				 .octets = r->octets};
	size_t n;

	if (r->mode == RTP_CLOSED || !sa_isset(&r->to_rtcp, SA_ALL))
		return;
	clock_gettime(CLOCK_REALTIME, &t);
	tx.ntp = (uint64_t)(t.tv_sec + NTP_1970) << 32 |
		 ((uint64_t)t.tv_nsec << 32) / 1000000000u;
	tx.ts = r->last_ts + (uint32_t)((tmr_jiffies() - r->last_sent) *
					clock_of(r, r->last_codec) / 1000);
	n = ask_key ? rtcp_pli(buf, &tx, &r->source, r->cname)
		    : rtcp_report(buf, &tx, &r->source, r->cname);
	send_out(r, r->rtcp, &r->to_rtcp, buf, n, sizeof(buf), true);
}

static void report(void *arg)
{
	struct rtp *r = arg;

	tmr_start(&r->report, REPORT_MS, report, r);
	send_rtcp(r, false);
	if (r->media)
		media_tick(r->media, r->kind, tmr_jiffies());
}

static bool seal(struct rtp *r, uint8_t codec, bool marker, uint32_t ts,
		 const uint8_t *p, size_t len, uint8_t *out, size_t *out_len)
{
	uint8_t padded[MEDIA_PKT_MAX];
	struct media_frame f = {.marker = marker,
				.codec = codec,
				.timestamp = ts,
				.payload = p,
				.len = len};

	if (codec == MEDIA_EVENT) {
		/* As large as the audio it stands for, so that nobody between
		 * can tell it from speech. */
		if (len != MEDIA_DIGIT ||
		    !media_digit_pad(p, padded, r->audio_len))
			return false;
		f.payload = padded;
		f.len = r->audio_len;
	} else if (r->kind == E2EE_AUDIO) {
		r->audio_len = len;
	}
	return media_seal(r->media, r->kind, tmr_jiffies(), &f, out,
			  len + r->audio_len + MEDIA_OVERHEAD,
			  out_len) == MEDIA_OK;
}

bool rtp_send_payload(struct rtp *r, uint8_t codec, bool marker, uint32_t ts,
		      const uint8_t *p, size_t len)
{
	uint8_t buf[HEADER + 2 * MEDIA_PKT_MAX + MEDIA_OVERHEAD + HOP_OVERHEAD];
	uint8_t pt = r->mode == RTP_SEALED ? r->first : r->out[codec & 0x7f];

	if (r->mode == RTP_CLOSED || !r->can_send || pt == NO_CODEC ||
	    !sa_isset(&r->to, SA_ALL) || len > MEDIA_PKT_MAX)
		return false;
	buf[0] = 2 << 6;
	buf[1] = (uint8_t)(marker << 7 | pt);
	buf[2] = (uint8_t)(r->seq >> 8);
	buf[3] = (uint8_t)r->seq;
	for (int i = 0; i < 4; i++) {
		buf[4 + i] = (uint8_t)(ts >> (24 - 8 * i));
		buf[8 + i] = (uint8_t)(r->ssrc >> (24 - 8 * i));
	}
	if (r->mode == RTP_PLAIN)
		memcpy(buf + HEADER, p, len);
	else if (!seal(r, codec, marker, ts, p, len, buf + HEADER, &len))
		return false;
	r->seq++;
	r->stats.sent++;
	r->octets += (uint32_t)len;
	r->last_ts = ts;
	r->last_codec = codec;
	r->last_sent = tmr_jiffies();
	return send_out(r, r->rtp, &r->to, buf, HEADER + len, sizeof(buf),
			false);
}

void rtp_ask_key(struct rtp *r)
{
	uint64_t now = tmr_jiffies();

	if (r->asked && now - r->asked < ASK_KEY_MS)
		return;
	r->asked = now;
	send_rtcp(r, true);
}

static int bind_pair(struct rtp *r, const struct sa *laddr, uint16_t port)
{
	struct sa a = *laddr;
	int err;

	sa_set_port(&a, port);
	err = udp_listen(&r->rtp, &a, rtp_received, r);
	if (err)
		return err;
	sa_set_port(&a, port + 1);
	err = udp_listen(&r->rtcp, &a, rtcp_received, r);
	if (err)
		r->rtp = mem_deref(r->rtp);
	return err;
}

int rtp_new(struct rtp **rp, enum e2ee_kind kind, const struct sa *laddr,
	    uint16_t low, uint16_t high, const char *cname,
	    const struct rtp_handlers *h)
{
	struct rtp *r = mem_zalloc(sizeof(*r), NULL);
	unsigned pairs, start;
	int err = EADDRINUSE;

	if (!r)
		return ENOMEM;
	low = (uint16_t)((low + 1) & ~1);
	pairs = high > low ? (high - low + 1u) / 2 : 0;
	start = pairs ? randombytes_uniform(pairs) : 0;
	for (unsigned i = 0; err && i < pairs; i++) {
		r->port = (uint16_t)(low + 2 * ((start + i) % pairs));
		err = bind_pair(r, laddr, r->port);
	}
	if (err) {
		mem_deref(r);
		return err;
	}
	r->kind = kind;
	r->h = *h;
	memcpy(r->cname, cname, RTCP_CNAME);
	r->ssrc = randombytes_random();
	r->seq = (uint16_t)randombytes_uniform(0x8000);
	r->can_send = r->can_receive = true;
	rtp_map_clear(r);
	tmr_start(&r->report, REPORT_MS, report, r);
	*rp = r;
	return 0;
}

void rtp_free(struct rtp *r)
{
	if (!r)
		return;
	tmr_cancel(&r->report);
	tmr_cancel(&r->tick);
	jitter_flush(&r->jitter);
	mem_deref(r->rtp);
	mem_deref(r->rtcp);
	mem_deref(r);
}

uint16_t rtp_port(const struct rtp *r)
{
	return r->port;
}

void rtp_remote(struct rtp *r, const struct sa *rtp, const struct sa *rtcp)
{
	sa_init(&r->to, AF_UNSPEC);
	sa_init(&r->to_rtcp, AF_UNSPEC);
	if (rtp)
		r->to = *rtp;
	if (rtcp)
		r->to_rtcp = *rtcp;
}

void rtp_accept_local(struct rtp *r)
{
	r->local = true;
}

void rtp_hop(struct rtp *r, struct hop *hop)
{
	r->hop = hop;
}

void rtp_map_clear(struct rtp *r)
{
	memset(r->in, NO_CODEC, sizeof(r->in));
	memset(r->out, NO_CODEC, sizeof(r->out));
	r->first = NO_CODEC;
}

void rtp_map(struct rtp *r, uint8_t codec, uint8_t in, uint8_t out)
{
	r->in[in & 0x7f] = codec;
	r->out[codec & 0x7f] = out;
	if (r->first == NO_CODEC)
		r->first = out;
}

void rtp_direction(struct rtp *r, bool send, bool receive)
{
	r->can_send = send;
	r->can_receive = receive;
}

void rtp_open(struct rtp *r, enum rtp_mode mode, struct media *m)
{
	r->mode = mode;
	r->media = mode == RTP_SEALED ? m : NULL;
	if (mode == RTP_CLOSED)
		jitter_flush(&r->jitter);
}

const struct rtp_stats *rtp_statistics(const struct rtp *r)
{
	struct rtp *w = (struct rtp *)r;
	const struct rtcp_source *s = &r->source;
	uint64_t expected = s->valid ? (uint64_t)(s->max - s->base) + 1 : 0;

	w->stats.lost = expected > s->received ? expected - s->received : 0;
	return &r->stats;
}
