/* SPDX-License-Identifier: Apache-2.0 */
/* See punt.h. */
#include "dataplane/app/punt.h"
#include <errno.h>
#include <netinet/in.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>
#include <rte_byteorder.h>
#include <rte_cycles.h>
#include "dataplane/flow/flow.h"
#include "dataplane/stage/parse.h"

void punt_init(struct punt *p, struct table *t, struct worker w[], unsigned n)
{
	*p = (struct punt){
		.table = t,
		.workers = w,
		.n_workers = n,
		.rate = rate_make(SP_PUNT_ALL_PPS, 0, table_index(t)->hz),
	};
}

/* The frame as it came. The worker's flow may be gone by now, so it is looked
 * up once more. @return false: its transport is gone. */
static bool describe(const struct punt *p, const struct rte_mbuf *m,
		     struct sp_datagram *out)
{
	const uint8_t *at = rte_pktmbuf_mtod(m, const uint8_t *);
	const struct flow_index *index = table_index(p->table);
	const struct flow *f = NULL;
	struct flow *const *place;
	struct frame frame;

	if (frame_parse(at, m->data_len, &frame) != FRAME_UDP ||
	    frame.payload_len > sizeof(out->data))
		return false;
	place = flow_place(index, frame.family, frame.dst, frame.dst_port);
	if (place)
		f = flow_at(place);
	if (!f)
		return false;
	*out = (struct sp_datagram){
		.id = f->id,
		.addr = {.family = frame.family,
			 .prefix = frame.family == 6 ? 128 : 32,
			 .port = rte_be_to_cpu_16(frame.src_port)},
		.rtcp = rte_cpu_to_be_16(frame.dst_port) != f->rtp_port,
		.len = frame.payload_len,
	};
	memcpy(out->addr.addr, frame.src, frame.family == 6 ? 16 : 4);
	memcpy(out->data, at + frame.payload_off, frame.payload_len);
	return true;
}

/* A packet of the next worker in turn; NULL: none waits. */
static struct rte_mbuf *take(struct punt *p)
{
	void *m;

	for (unsigned i = 0; i < p->n_workers; i++) {
		struct rte_ring *r = p->workers[p->next].to_control;

		p->next = p->next + 1 < p->n_workers ? p->next + 1 : 0;
		if (r && rte_ring_sc_dequeue(r, &m) == 0)
			return m;
	}
	return NULL;
}

bool punt_next(struct punt *p, struct sp_datagram *out)
{
	struct bucket before = p->bucket;
	struct rte_mbuf *m;
	bool found = false;

	while (!found && bucket_spend(&p->bucket, &p->rate, rte_rdtsc(), 0)) {
		m = take(p);
		if (!m) {
			p->bucket = before;
			return false;
		}
		found = describe(p, m, out);
		rte_pktmbuf_free(m);
		before = p->bucket;
	}
	return found;
}

void punt_forget(struct punt *p)
{
	struct rte_mbuf *m;

	while ((m = take(p)))
		rte_pktmbuf_free(m);
}

struct address {
	union {
		struct sockaddr any;
		struct sockaddr_in four;
		struct sockaddr_in6 six;
	};
	socklen_t len;
};

static struct address address(const struct sp_addr *a)
{
	struct address s;

	memset(&s, 0, sizeof(s));
	if (a->family == 6) {
		s.six.sin6_family = AF_INET6;
		s.six.sin6_port = htons(a->port);
		memcpy(&s.six.sin6_addr, a->addr, 16);
		s.len = sizeof(s.six);
	} else {
		s.four.sin_family = AF_INET;
		s.four.sin_port = htons(a->port);
		memcpy(&s.four.sin_addr, a->addr, 4);
		s.len = sizeof(s.four);
	}
	return s;
}

static int refuse(char text[SP_TEXT_MAX], int status, const char *why)
{
	snprintf(text, SP_TEXT_MAX, "%s", why);
	return status;
}

/* Through a socket that is there for just this: datagrams are few, and a port
 * that the kernel holds longer would be missed by nobody but a test. */
static int send_from(const struct sp_addr *local, uint8_t dscp,
		     const struct sp_datagram *d)
{
	struct address from = address(local), to = address(&d->addr);
	int tos = dscp << 2, rc = 0;
	int fd = socket(from.any.sa_family,
			SOCK_DGRAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);

	if (fd < 0)
		return errno;
	if (from.any.sa_family == AF_INET6)
		setsockopt(fd, IPPROTO_IPV6, IPV6_TCLASS, &tos, sizeof(tos));
	else
		setsockopt(fd, IPPROTO_IP, IP_TOS, &tos, sizeof(tos));
	if (bind(fd, &from.any, from.len) != 0 ||
	    sendto(fd, d->data, d->len, 0, &to.any, to.len) < 0)
		rc = errno;
	close(fd);
	return rc;
}

int punt_inject(struct punt *p, const struct sp_datagram *d,
		char text[SP_TEXT_MAX])
{
	struct sp_addr from;
	uint8_t dscp;
	int rc;

	if (d->rtcp > 1 || d->reserved ||
	    memcmp(d->reserved2, "\0\0\0", sizeof(d->reserved2)) != 0)
		return refuse(text, SP_EINVAL, "rtcp: not 0 or 1, or reserved");
	if (d->len == 0 || d->len > SP_DATAGRAM_MAX)
		return refuse(text, SP_EINVAL, "len: none, or more than data");
	if (table_local(p->table, d->id, d->rtcp, &from, &dscp) != SP_OK)
		return refuse(text, SP_ENOENT, "id: no such transport");
	if (d->addr.family != from.family || d->addr.port == 0)
		return refuse(text, SP_EINVAL,
			      "addr: port 0, or not of the transport's family");
	rc = send_from(&from, dscp, d);
	/* No route, no buffers: what UDP may do. */
	if (rc == EADDRNOTAVAIL || rc == EADDRINUSE || rc == EACCES ||
	    rc == EINVAL)
		return refuse(text, SP_EINVAL, "addr: the kernel won't send");
	return SP_OK;
}
