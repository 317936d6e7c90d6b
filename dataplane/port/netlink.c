// SPDX-License-Identifier: Apache-2.0
/* dataplane/port/netlink.c - see netlink.h. */
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <linux/rtnetlink.h>
#include "dataplane/port/netlink.h"

/* News comes in bursts: a flapping link withdraws many routes at once. */
#define NEWS_BUFFER (1 << 20)
#define ANSWER_MAX  16384

struct netlink {
	struct mnl_socket *s;
	unsigned portid;
	uint32_t seq;
};

struct netlink *netlink_open(const unsigned groups[])
{
	struct netlink *n = calloc(1, sizeof(*n));
	int size = NEWS_BUFFER;
	int saved;

	if (!n)
		return NULL;
	n->s = mnl_socket_open2(NETLINK_ROUTE,
				SOCK_CLOEXEC | (groups ? SOCK_NONBLOCK : 0));
	if (!n->s || mnl_socket_bind(n->s, 0, MNL_SOCKET_AUTOPID) < 0)
		goto fail;
	n->portid = mnl_socket_get_portid(n->s);
	if (groups) /* as far as the limits let us; losses are noticed */
		setsockopt(netlink_fd(n), SOL_SOCKET, SO_RCVBUF, &size,
			   sizeof(size));
	for (; groups && *groups; groups++) {
		int group = (int)*groups;

		if (mnl_socket_setsockopt(n->s, NETLINK_ADD_MEMBERSHIP, &group,
					  sizeof(group)) < 0)
			goto fail;
	}
	return n;
fail:
	saved = errno;
	netlink_close(n);
	errno = saved;
	return NULL;
}

void netlink_close(struct netlink *n)
{
	if (!n)
		return;
	if (n->s)
		mnl_socket_close(n->s);
	free(n);
}

int netlink_fd(const struct netlink *n)
{
	return mnl_socket_get_fd(n->s);
}

void *netlink_request(struct netlink_request *q, uint16_t type, uint16_t flags,
		      size_t size)
{
	q->hdr = mnl_nlmsg_put_header(q->buf);
	q->hdr->nlmsg_type = type;
	q->hdr->nlmsg_flags = NLM_F_REQUEST | NLM_F_ACK | flags;
	return mnl_nlmsg_put_extra_header(q->hdr, size);
}

uint8_t netlink_family(const struct sp_addr *a)
{
	return a->family == 6 ? AF_INET6 : AF_INET;
}

unsigned netlink_octets(const struct sp_addr *a)
{
	return a->family == 6 ? 16 : 4;
}

void netlink_put_addr(struct netlink_request *q, uint16_t attr,
		      const struct sp_addr *a)
{
	mnl_attr_put(q->hdr, attr, netlink_octets(a), a->addr);
}

int netlink_ask(struct netlink *n, struct netlink_request *q, mnl_cb_t f,
		void *arg)
{
	_Alignas(struct nlmsghdr) char buf[ANSWER_MAX];
	int rc;

	q->hdr->nlmsg_seq = ++n->seq;
	if (mnl_socket_sendto(n->s, q->hdr, q->hdr->nlmsg_len) < 0)
		return -errno;
	do {
		ssize_t got = mnl_socket_recvfrom(n->s, buf, sizeof(buf));

		if (got < 0 && errno == EINTR) {
			rc = MNL_CB_OK;
			continue;
		}
		if (got < 0)
			return -errno;
		rc = mnl_cb_run(buf, (size_t)got, n->seq, n->portid, f, arg);
	} while (rc > MNL_CB_STOP);
	return rc < 0 ? -errno : 0;
}

int netlink_news(struct netlink *n, mnl_cb_t f, void *arg)
{
	_Alignas(struct nlmsghdr) char buf[ANSWER_MAX];
	int rc = 0;

	for (;;) {
		ssize_t got = mnl_socket_recvfrom(n->s, buf, sizeof(buf));

		if (got < 0 && errno == EINTR)
			continue;
		if (got < 0 && errno == ENOBUFS) {
			rc = -ENOBUFS;
			continue;
		}
		if (got <= 0)
			return rc;
		mnl_cb_run(buf, (size_t)got, 0, 0, f, arg);
	}
}
