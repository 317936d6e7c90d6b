/* SPDX-License-Identifier: Apache-2.0 */
/* control/sip/udp.c - SIP over UDP. RFC 3261 section 18, RFC 5389 on the same
 * port (RFC 5626 section 3.5.2).
 *
 * A socket of its own, not libre's: libre's cuts datagrams at 8 KiB, reads one
 * at a time and has the kernel's usual buffer, which a few hundred calls a
 * second overrun. */
#define _GNU_SOURCE /* recvmmsg */
#include <errno.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>
#include "control/log.h"
#include "control/sip/stack_impl.h"

#define BATCH	    8
#define DATAGRAM    65536
#define ROUNDS	    8 /* of BATCH, before others get their turn */
#define BUFFER	    (4 << 20)
#define STUN_COOKIE 0x2112a442u

struct udp {
	struct listener *l;
	int fd;
	uint32_t overflow; /* as the kernel last said */
};

static uint8_t buffer[BATCH][DATAGRAM];

static void udp_destructor(void *arg)
{
	struct udp *u = arg;

	if (u->fd < 0)
		return;
	fd_close(u->fd);
	close(u->fd);
}

int udp_transmit(struct udp *u, const struct sa *dst, struct mbuf *mb)
{
	ssize_t n = sendto(u->fd, mbuf_buf(mb), mbuf_get_left(mb), MSG_DONTWAIT,
			   &dst->u.sa, dst->len);

	return n < 0 ? errno : 0;
}

static bool is_stun(const uint8_t *p, size_t len)
{
	return len >= STUN_HEADER_SIZE && p[0] < 2 &&
	       ((uint32_t)p[4] << 24 | (uint32_t)p[5] << 16 |
		(uint32_t)p[6] << 8 | p[7]) == STUN_COOKIE;
}

/* A binding request: how phones keep the way through a translator open. */
static void stun(struct udp *u, const struct sa *src, const uint8_t *p,
		 size_t len)
{
	struct stun_unknown_attr unknown;
	struct stun_msg *msg = NULL;
	struct mbuf *in = mbuf_alloc(len), *out = mbuf_alloc(128);

	if (!in || !out || mbuf_write_mem(in, p, len))
		goto out;
	in->pos = 0;
	if (stun_msg_decode(&msg, in, &unknown) ||
	    stun_msg_method(msg) != STUN_METHOD_BINDING ||
	    stun_msg_class(msg) != STUN_CLASS_REQUEST)
		goto out;
	if (stun_msg_encode(out, STUN_METHOD_BINDING, STUN_CLASS_SUCCESS_RESP,
			    stun_msg_tid(msg), NULL, NULL, 0, false, 0, 1,
			    STUN_ATTR_XOR_MAPPED_ADDR, src))
		goto out;
	out->pos = 0;
	udp_transmit(u, src, out);
out:
	mem_deref(msg);
	mem_deref(in);
	mem_deref(out);
}

static void datagram(struct udp *u, const struct sa *src, const uint8_t *p,
		     size_t len)
{
	if (!guard_packet(u->l->stack->guard, src, tmr_jiffies()))
		return;
	if (is_stun(p, len)) {
		stun(u, src, p, len);
		return;
	}
	/* Line ends before a message (RFC 3261 section 7.5), or alone, as
	 * phones send them to keep a translator's way open; some send four
	 * octets of zero, or a word. */
	while (len && (*p == '\r' || *p == '\n' || *p == '\0')) {
		p++;
		len--;
	}
	if (len > 4)
		stack_received(u->l, SIP_UDP, src, NULL, p, len);
}

/* The kernel counts what it had no room for, and says so with every packet. */
static void count_overflow(struct udp *u, struct msghdr *h)
{
	uint32_t n;

	for (struct cmsghdr *c = CMSG_FIRSTHDR(h); c; c = CMSG_NXTHDR(h, c)) {
		if (c->cmsg_level != SOL_SOCKET || c->cmsg_type != SO_RXQ_OVFL)
			continue;
		memcpy(&n, CMSG_DATA(c), sizeof(n));
		if (n != u->overflow)
			log_warn(0,
				 "SIP on UDP: the kernel dropped %u datagrams "
				 "that came too fast",
				 n - u->overflow);
		u->l->stack->dropped += n - u->overflow;
		u->overflow = n;
	}
}

static int read_batch(struct udp *u)
{
	union {
		char space[CMSG_SPACE(sizeof(uint32_t))];
		struct cmsghdr align;
	} control[BATCH];
	struct mmsghdr msg[BATCH];
	struct iovec iov[BATCH];
	struct sa src[BATCH];
	int n;

	memset(msg, 0, sizeof(msg));
	for (unsigned i = 0; i < BATCH; i++) {
		sa_init(&src[i], AF_UNSPEC);
		iov[i] = (struct iovec){buffer[i], DATAGRAM};
		msg[i].msg_hdr = (struct msghdr){
			.msg_name = &src[i].u,
			.msg_namelen = sizeof(src[i].u),
			.msg_iov = &iov[i],
			.msg_iovlen = 1,
			.msg_control = &control[i],
			.msg_controllen = sizeof(control[i]),
		};
	}
	n = recvmmsg(u->fd, msg, BATCH, MSG_DONTWAIT, NULL);
	for (int i = 0; i < n; i++) {
		src[i].len = msg[i].msg_hdr.msg_namelen;
		count_overflow(u, &msg[i].msg_hdr);
		datagram(u, &src[i], buffer[i], msg[i].msg_len);
	}
	return n;
}

static void readable(int flags, void *arg)
{
	struct udp *u = mem_ref(arg);

	(void)flags;
	for (unsigned i = 0; i < ROUNDS; i++)
		if (read_batch(u) < BATCH)
			break;
	mem_deref(u);
}

int udp_open(struct udp **up, struct listener *l)
{
	struct udp *u = mem_zalloc(sizeof(*u), udp_destructor);
	const int on = 1, size = BUFFER;
	int err = 0;

	if (!u)
		return ENOMEM;
	u->l = l;
	u->fd = socket(sa_af(&l->addr),
		       SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (u->fd < 0)
		err = errno;
	if (!err && sa_af(&l->addr) == AF_INET6 &&
	    setsockopt(u->fd, IPPROTO_IPV6, IPV6_V6ONLY, &on, sizeof(on)))
		err = errno;
	if (!err && bind(u->fd, &l->addr.u.sa, l->addr.len))
		err = errno;
	if (err) {
		mem_deref(u);
		return err;
	}
	/* As much as there may be: FORCE needs a privilege that we may lack. */
	if (setsockopt(u->fd, SOL_SOCKET, SO_RCVBUFFORCE, &size, sizeof(size)))
		setsockopt(u->fd, SOL_SOCKET, SO_RCVBUF, &size, sizeof(size));
	setsockopt(u->fd, SOL_SOCKET, SO_RXQ_OVFL, &on, sizeof(on));
	err = fd_listen(u->fd, FD_READ, readable, u);
	if (err)
		mem_deref(u);
	else
		*up = u;
	return err;
}
