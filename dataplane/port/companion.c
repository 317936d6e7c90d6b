// SPDX-License-Identifier: Apache-2.0
/* dataplane/port/companion.c - see companion.h. */
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/uio.h>
#include <unistd.h>
#include <net/if.h>
#include <linux/if_addr.h>
#include <linux/if_tun.h>
#include <linux/rtnetlink.h>
#include <rte_common.h>
#include <rte_errno.h>
#include <rte_mbuf.h>
#include <rte_ring.h>
#include "dataplane/app/log.h"
#include "dataplane/port/companion.h"
#include "dataplane/port/netlink.h"

#define RING_SIZE  1024
#define POLL_BURST 64 /* packets each way and port in one poll */
#define SEGS_MAX   8

static int tap_open(const char *name)
{
	struct ifreq r = {.ifr_flags = IFF_TAP | IFF_NO_PI | IFF_TUN_EXCL};
	int fd = open("/dev/net/tun", O_RDWR | O_NONBLOCK | O_CLOEXEC);

	if (fd < 0) {
		log_line(LOG_ERR,
			 "companion %s: opening /dev/net/tun: %s; is the "
			 "module tun loaded?",
			 name, strerror(errno));
		return -1;
	}
	snprintf(r.ifr_name, sizeof(r.ifr_name), "%s", name);
	/* Offloads stay off: whole checksums and no frame beyond the MTU. */
	if (ioctl(fd, TUNSETIFF, &r) || ioctl(fd, TUNSETOFFLOAD, 0)) {
		log_line(LOG_ERR,
			 "companion %s: making the interface: %s; if it is "
			 "there already, remove it or name another",
			 name, strerror(errno));
		close(fd);
		return -1;
	}
	return fd;
}

/** MAC address, MTU, up. */
static int set_link(struct port *p, struct netlink *nl)
{
	struct netlink_request q;
	struct ifinfomsg *i = netlink_request(&q, RTM_NEWLINK, 0, sizeof(*i));
	int rc;

	i->ifi_family = AF_UNSPEC;
	i->ifi_index = (int)p->ifindex;
	i->ifi_flags = IFF_UP;
	i->ifi_change = IFF_UP;
	mnl_attr_put(q.hdr, IFLA_ADDRESS, sizeof(p->mac), &p->mac);
	mnl_attr_put_u32(q.hdr, IFLA_MTU, p->cfg.mtu);
	rc = netlink_ask(nl, &q, NULL, NULL);
	if (rc)
		log_line(LOG_ERR,
			 "companion %s: setting MAC address and MTU "
			 "%u: %s",
			 p->cfg.companion, p->cfg.mtu, strerror(-rc));
	return rc;
}

static int add_address(struct port *p, struct netlink *nl,
		       const struct sp_addr *a)
{
	struct netlink_request q;
	struct ifaddrmsg *m = netlink_request(
		&q, RTM_NEWADDR, NLM_F_CREATE | NLM_F_EXCL, sizeof(*m));
	struct in_addr all;
	int rc;

	m->ifa_family = netlink_family(a);
	m->ifa_prefixlen = a->prefix;
	m->ifa_index = p->ifindex;
	/* Media must flow at once; the operator has given this address out. */
	m->ifa_flags = a->family == 6 ? IFA_F_NODAD : 0;
	netlink_put_addr(&q, IFA_LOCAL, a);
	netlink_put_addr(&q, IFA_ADDRESS, a);
	if (a->family == 4 && a->prefix < 31) {
		memcpy(&all, a->addr, sizeof(all));
		all.s_addr |= htonl(UINT32_MAX >> a->prefix);
		mnl_attr_put(q.hdr, IFA_BROADCAST, sizeof(all), &all);
	}
	rc = netlink_ask(nl, &q, NULL, NULL);
	if (rc) {
		char text[INET6_ADDRSTRLEN];

		inet_ntop(m->ifa_family, a->addr, text, sizeof(text));
		log_line(LOG_ERR, "companion %s: adding %s/%u: %s%s",
			 p->cfg.companion, text, a->prefix, strerror(-rc),
			 a->family == 6 ? "; is IPv6 switched off?" : "");
	}
	return rc;
}

/** No device of the branch may make itself the gateway's router: media follows
 * the kernel's routes, so that would take it away. */
static void distrust(const struct port *p)
{
	static const char *const settings[] = {"accept_ra", "accept_redirects"};
	char path[96];

	for (unsigned i = 0; i < RTE_DIM(settings); i++) {
		int fd;

		snprintf(path, sizeof(path), "/proc/sys/net/ipv6/conf/%s/%s",
			 p->cfg.companion, settings[i]);
		fd = open(path, O_WRONLY | O_CLOEXEC);
		/* Without IPv6 there is nothing to switch off. */
		if (fd < 0 ? errno != ENOENT : write(fd, "0", 1) < 0)
			log_line(LOG_WARNING,
				 "companion %s: writing 0 to %s: %s; devices "
				 "there may announce IPv6 routes to us",
				 p->cfg.companion, path, strerror(errno));
		if (fd >= 0)
			close(fd);
	}
}

static struct rte_ring *ring(const char *what, uint16_t id, unsigned flags)
{
	char name[RTE_RING_NAMESIZE];
	struct rte_ring *r;

	snprintf(name, sizeof(name), "%s%u", what, id);
	r = rte_ring_create(name, RING_SIZE, SOCKET_ID_ANY, flags);
	if (!r)
		log_line(LOG_ERR, "making ring %s: %s; more memory?", name,
			 rte_strerror(rte_errno));
	return r;
}

int companion_up(struct port *p, struct netlink *nl)
{
	p->tap_fd = tap_open(p->cfg.companion);
	if (p->tap_fd < 0)
		return -1;
	p->ifindex = if_nametoindex(p->cfg.companion);
	p->to_kernel = ring("to_kernel", p->id, RING_F_SC_DEQ);
	p->from_kernel =
		ring("from_kernel", p->id, RING_F_SP_ENQ | RING_F_SC_DEQ);
	if (!p->to_kernel || !p->from_kernel)
		goto fail;
	if (!strcmp(p->cfg.role, "access"))
		distrust(p);
	if (set_link(p, nl))
		goto fail;
	for (unsigned i = 0; i < p->cfg.addresses_count; i++)
		if (add_address(p, nl, &p->cfg.addresses[i]))
			goto fail;
	return 0;
fail:
	companion_down(p);
	return -1;
}

static void ring_free(struct rte_ring *r)
{
	void *m;

	while (r && !rte_ring_dequeue(r, &m))
		rte_pktmbuf_free(m);
	rte_ring_free(r);
}

void companion_down(struct port *p)
{
	if (p->tap_fd >= 0)
		close(p->tap_fd);
	p->tap_fd = -1;
	ring_free(p->to_kernel);
	ring_free(p->from_kernel);
	p->to_kernel = p->from_kernel = NULL;
}

/** The interface down, or its queue full: dropped, as a wire would. */
static bool write_frame(int fd, const struct rte_mbuf *m)
{
	struct iovec v[SEGS_MAX];
	int n = 0;

	for (; m && n < SEGS_MAX; m = m->next, n++) {
		v[n].iov_base = rte_pktmbuf_mtod(m, void *);
		v[n].iov_len = m->data_len;
	}
	return !m && writev(fd, v, n) >= 0;
}

static unsigned to_kernel(struct port *p)
{
	struct rte_mbuf *m[POLL_BURST];
	unsigned n = rte_ring_sc_dequeue_burst(p->to_kernel, (void **)m,
					       POLL_BURST, NULL);

	for (unsigned i = 0; i < n; i++) {
		/* The port's own tag is no business of the kernel's. Others it
		 * has inline, which a device may have cut out. */
		if (p->cfg.vlan)
			rte_vlan_strip(m[i]);
		else if ((m[i]->ol_flags & RTE_MBUF_F_RX_VLAN_STRIPPED) &&
			 rte_vlan_insert(&m[i]))
			continue;
		p->n_to_kernel += write_frame(p->tap_fd, m[i]);
	}
	rte_pktmbuf_free_bulk(m, n);
	return n;
}

static unsigned from_kernel(struct port *p, struct rte_mempool *pool)
{
	unsigned room = rte_ring_free_count(p->from_kernel);
	unsigned n = 0;

	for (; n < POLL_BURST && n < room; n++) {
		struct rte_mbuf *m = rte_pktmbuf_alloc(pool);
		ssize_t got;

		if (!m)
			break;
		got = read(p->tap_fd, rte_pktmbuf_mtod(m, void *),
			   rte_pktmbuf_tailroom(m));
		if (got <= 0) {
			rte_pktmbuf_free(m);
			break;
		}
		m->data_len = (uint16_t)got;
		m->pkt_len = (uint32_t)got;
		m->vlan_tci = p->cfg.vlan;
		if (p->cfg.vlan && rte_vlan_insert(&m)) {
			rte_pktmbuf_free(m);
			continue;
		}
		rte_ring_sp_enqueue(p->from_kernel, m);
	}
	p->n_from_kernel += n;
	return n;
}

unsigned companions_poll(struct ports *ps)
{
	unsigned n = 0;

	for (unsigned i = 0; i < ps->n; i++)
		n += to_kernel(&ps->port[i]) +
		     from_kernel(&ps->port[i], ps->pool);
	return n;
}
