/* SPDX-License-Identifier: Apache-2.0 */
#include "control/hep/packet.h"
#include <arpa/inet.h>
#include <netinet/in.h>
#include <string.h>

enum chunk {
	CHUNK_FAMILY = 1,
	CHUNK_PROTOCOL,
	CHUNK_SRC4,
	CHUNK_DST4,
	CHUNK_SRC6,
	CHUNK_DST6,
	CHUNK_SRC_PORT,
	CHUNK_DST_PORT,
	CHUNK_SECONDS,
	CHUNK_MICROSECONDS,
	CHUNK_TYPE,
	CHUNK_ID,
	CHUNK_PASSWORD = 14,
	CHUNK_PAYLOAD = 15,
	CHUNK_CORRELATION = 17,
};

#define HEADER	   6 /* "HEP3" and the length of all */
#define CHUNK_HEAD 6 /* vendor, type, length of the chunk */

struct writer {
	uint8_t *p;
	size_t len;
	bool full;
};

static void u16(uint8_t *p, size_t v)
{
	p[0] = (uint8_t)(v >> 8);
	p[1] = (uint8_t)v;
}

static void put(struct writer *w, enum chunk type, const void *p, size_t n)
{
	size_t all = CHUNK_HEAD + n;

	if (w->full || w->len + all > HEP_PACKET_MAX) {
		w->full = true;
		return;
	}
	u16(w->p + w->len, 0);
	u16(w->p + w->len + 2, type);
	u16(w->p + w->len + 4, all);
	memcpy(w->p + w->len + CHUNK_HEAD, p, n);
	w->len += all;
}

static void put8(struct writer *w, enum chunk type, uint8_t v)
{
	put(w, type, &v, 1);
}

static void put16(struct writer *w, enum chunk type, uint16_t v)
{
	v = htons(v);
	put(w, type, &v, 2);
}

static void put32(struct writer *w, enum chunk type, uint32_t v)
{
	v = htonl(v);
	put(w, type, &v, 4);
}

static void put_addresses(struct writer *w, const struct hep_packet *p)
{
	if (sa_af(p->src) == AF_INET6) {
		put(w, CHUNK_SRC6, &p->src->u.in6.sin6_addr, 16);
		put(w, CHUNK_DST6, &p->dst->u.in6.sin6_addr, 16);
	} else {
		put(w, CHUNK_SRC4, &p->src->u.in.sin_addr, 4);
		put(w, CHUNK_DST4, &p->dst->u.in.sin_addr, 4);
	}
}

size_t hep_write(const struct hep_packet *p, uint8_t out[HEP_PACKET_MAX])
{
	struct writer w = {out, HEADER, false};

	if (sa_af(p->src) != sa_af(p->dst))
		return 0;
	/* sngrep and Homer take AF_INET and AF_INET6 of Linux */
	put8(&w, CHUNK_FAMILY, (uint8_t)sa_af(p->src));
	put8(&w, CHUNK_PROTOCOL, p->udp ? IPPROTO_UDP : IPPROTO_TCP);
	put_addresses(&w, p);
	put16(&w, CHUNK_SRC_PORT, sa_port(p->src));
	put16(&w, CHUNK_DST_PORT, sa_port(p->dst));
	put32(&w, CHUNK_SECONDS, p->seconds);
	put32(&w, CHUNK_MICROSECONDS, p->microseconds);
	put8(&w, CHUNK_TYPE, (uint8_t)p->type);
	put32(&w, CHUNK_ID, p->id);
	if (p->password)
		put(&w, CHUNK_PASSWORD, p->password, strlen(p->password));
	if (p->correlation)
		put(&w, CHUNK_CORRELATION, p->correlation,
		    strlen(p->correlation));
	put(&w, CHUNK_PAYLOAD, p->payload, p->len);
	if (w.full)
		return 0;
	memcpy(out, "HEP3", 4);
	u16(out + 4, w.len);
	return w.len;
}
