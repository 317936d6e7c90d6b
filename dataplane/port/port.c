// SPDX-License-Identifier: Apache-2.0
/* dataplane/port/port.c - see port.h. */
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <rte_errno.h>
#include <rte_ethdev.h>
#include <rte_mbuf.h>
#include "dataplane/app/log.h"
#include "dataplane/port/buffers.h"
#include "dataplane/port/companion.h"
#include "dataplane/port/netlink.h"
#include "dataplane/port/steer.h"
#include "dataplane/stage/stage.h"

#define DESCRIPTORS	 1024
#define PACKETS_IN_RINGS 4096 /* companions, hand-over, control: at once */

#define CSUM_RX (RTE_ETH_RX_OFFLOAD_IPV4_CKSUM | RTE_ETH_RX_OFFLOAD_UDP_CKSUM)
#define CSUM_TX (RTE_ETH_TX_OFFLOAD_IPV4_CKSUM | RTE_ETH_TX_OFFLOAD_UDP_CKSUM)
#define RSS_UDP (RTE_ETH_RSS_NONFRAG_IPV4_UDP | RTE_ETH_RSS_NONFRAG_IPV6_UDP)

/** What could not be done to a port; rc as DPDK returns it. @return -1. */
static int failed(const struct port *p, const char *what, int rc)
{
	log_line(LOG_ERR, "port %s (%s): %s: %s", p->cfg.name, p->cfg.device,
		 what, rte_strerror(rc < 0 ? -rc : rc));
	return -1;
}

static int find(struct port *p, struct rte_eth_dev_info *info)
{
	int rc;

	if (rte_eth_dev_get_port_by_name(p->cfg.device, &p->id)) {
		log_line(LOG_ERR,
			 "port %s: DPDK has no device %s: is it bound to "
			 "vfio-pci, are its arguments right?",
			 p->cfg.name, p->cfg.device);
		return -1;
	}
	rc = rte_eth_dev_info_get(p->id, info);
	return rc ? failed(p, "asking for its abilities", rc) : 0;
}

static bool is_tap(const struct rte_eth_dev_info *info)
{
	return !strcmp(info->driver_name, "net_tap");
}

static int configure(struct port *p, const struct rte_eth_dev_info *info,
		     unsigned workers)
{
	struct rte_eth_conf conf = {.rxmode = {.mtu = p->cfg.mtu}};
	unsigned queues = workers;
	int rc;

	if (p->cfg.queues)
		queues = RTE_MIN(queues, p->cfg.queues);
	queues = RTE_MIN(queues, info->max_rx_queues);
	queues = RTE_MIN(queues, info->max_tx_queues);
	p->queues = (uint16_t)queues;
	/* net_tap's checksums are sums in software like ours, but slower. */
	p->csum_rx =
		!is_tap(info) && (info->rx_offload_capa & CSUM_RX) == CSUM_RX;
	p->csum_tx =
		!is_tap(info) && (info->tx_offload_capa & CSUM_TX) == CSUM_TX;
	conf.rxmode.offloads = p->csum_rx ? CSUM_RX : 0;
	conf.txmode.offloads = p->csum_tx ? CSUM_TX : 0;
	if (p->cfg.mtu < info->min_mtu || p->cfg.mtu > info->max_mtu) {
		log_line(LOG_ERR,
			 "port %s (%s): MTU %u is not between its %u "
			 "and %u",
			 p->cfg.name, p->cfg.device, p->cfg.mtu, info->min_mtu,
			 info->max_mtu);
		return -1;
	}
	if (queues > 1 && (info->flow_type_rss_offloads & RSS_UDP)) {
		conf.rxmode.mq_mode = RTE_ETH_MQ_RX_RSS;
		conf.rx_adv_conf.rss_conf.rss_hf =
			info->flow_type_rss_offloads & RSS_UDP;
	}
	rc = rte_eth_dev_configure(p->id, p->queues, p->queues, &conf);
	if (rc)
		return failed(p, "configuring", rc);
	rc = rte_eth_dev_set_mtu(p->id, p->cfg.mtu);
	if (rc && rc != -ENOTSUP)
		return failed(p, "setting the MTU", rc);
	return 0;
}

static int queues_up(struct port *p, struct rte_mempool *pool)
{
	uint16_t rx = DESCRIPTORS, tx = DESCRIPTORS;
	int socket = rte_eth_dev_socket_id(p->id);
	int rc = rte_eth_dev_adjust_nb_rx_tx_desc(p->id, &rx, &tx);

	if (rc)
		return failed(p, "sizing queues", rc);
	for (uint16_t q = 0; q < p->queues; q++) {
		rc = rte_eth_rx_queue_setup(p->id, q, rx, (unsigned)socket,
					    NULL, pool);
		if (!rc)
			rc = rte_eth_tx_queue_setup(p->id, q, tx,
						    (unsigned)socket, NULL);
		if (rc)
			return failed(p, "making queues", rc);
	}
	return 0;
}

/** Which frames the device lets in: ours, and multicast for ND. */
static int choose_mac(struct port *p)
{
	struct rte_ether_addr own;
	int rc = rte_eth_macaddr_get(p->id, &own);

	if (rc)
		return failed(p, "asking for its MAC address", rc);
	rte_ether_addr_copy(rte_is_zero_ether_addr(&p->cfg.mac) ? &own
								: &p->cfg.mac,
			    &p->mac);
	rte_eth_allmulticast_enable(p->id); /* virtual ones let all in */
	if (rte_is_same_ether_addr(&own, &p->mac))
		return 0;
	rc = rte_eth_promiscuous_enable(p->id);
	if (rc && rc != -ENOTSUP)
		return failed(p, "letting the gateway's MAC address in", rc);
	return 0;
}

static int device_up(struct port *p, struct rte_mempool *pool, unsigned workers)
{
	struct rte_eth_dev_info info;
	int rc;

	if (find(p, &info) || configure(p, &info, workers))
		return -1;
	if (queues_up(p, pool) || choose_mac(p))
		goto fail;
	rc = rte_eth_dev_start(p->id);
	if (rc) {
		failed(p, "starting", rc);
		goto fail;
	}
	steer(p, info.driver_name, workers);
	return 0;
fail:
	rte_eth_dev_close(p->id);
	return -1;
}

static void device_down(struct port *p)
{
	rte_eth_dev_stop(p->id);
	rte_eth_dev_close(p->id);
}

/** Enough for every queue to be full, and what is under way besides. */
static unsigned packets(unsigned ports, unsigned workers)
{
	return ports * workers * 2 * DESCRIPTORS + workers * BUFFERS_CACHE +
	       PACKETS_IN_RINGS;
}

int ports_up(struct ports *ps, const struct port_config cfg[], unsigned n,
	     unsigned workers)
{
	struct netlink *nl = netlink_open(NULL);

	memset(ps, 0, sizeof(*ps));
	if (!nl) {
		log_line(LOG_ERR, "opening a netlink socket: %s",
			 strerror(errno));
		return -1;
	}
	ps->pool = buffers_new(packets(n, workers));
	if (!ps->pool)
		goto fail;
	for (; ps->n < n; ps->n++) {
		struct port *p = &ps->port[ps->n];

		p->cfg = cfg[ps->n];
		p->tap_fd = -1;
		if (device_up(p, ps->pool, workers))
			goto fail;
		if (companion_up(p, nl)) {
			device_down(p);
			goto fail;
		}
	}
	netlink_close(nl);
	return 0;
fail:
	netlink_close(nl);
	ports_down(ps);
	return -1;
}

void ports_down(struct ports *ps)
{
	while (ps->n) {
		struct port *p = &ps->port[--ps->n];

		companion_down(p);
		device_down(p);
	}
	buffers_free(ps->pool);
	ps->pool = NULL;
}

static bool link_is_up(const struct port *p,
		       const struct rte_eth_dev_info *info)
{
	struct rte_eth_link link = {.link_status = RTE_ETH_LINK_DOWN};

	/* Up for as long as it is there; net_tap itself asks by the name of
	 * its other end, which may have moved to another namespace. */
	if (is_tap(info))
		return true;
	rte_eth_link_get_nowait(p->id, &link);
	return link.link_status == RTE_ETH_LINK_UP;
}

void port_describe(const struct port *p, struct sp_port *out)
{
	struct rte_eth_dev_info info;
	struct rte_eth_stats st;

	memset(out, 0, sizeof(*out));
	memcpy(out->name, p->cfg.name, sizeof(out->name));
	memcpy(out->role, p->cfg.role, sizeof(out->role));
	memcpy(out->mac, &p->mac, sizeof(out->mac));
	out->queues = p->queues;
	out->mtu = p->cfg.mtu;
	out->to_kernel = p->n_to_kernel;
	out->from_kernel = p->n_from_kernel;
	if (!rte_eth_dev_info_get(p->id, &info)) {
		snprintf(out->driver, sizeof(out->driver), "%s",
			 info.driver_name);
		out->link_up = link_is_up(p, &info);
	}
	if (rte_eth_stats_get(p->id, &st))
		return;
	out->rx_packets = st.ipackets;
	out->rx_octets = st.ibytes;
	out->tx_packets = st.opackets;
	out->tx_octets = st.obytes;
	out->rx_missed = st.imissed + st.rx_nombuf;
	out->tx_dropped = st.oerrors;
}

unsigned ports_media(const struct ports *ps, uint16_t udp_first,
		     uint16_t udp_last, struct sp_media_addr out[])
{
	unsigned n = 0;

	for (unsigned i = 0; i < ps->n; i++) {
		const struct port_config *c = &ps->port[i].cfg;

		for (unsigned a = 0;
		     a < c->addresses_count && n < SP_MEDIA_ADDR_MAX; a++) {
			struct sp_media_addr *m = &out[n++];

			memset(m, 0, sizeof(*m));
			m->addr = c->addresses[a];
			memcpy(m->port, c->name, sizeof(m->port));
			memcpy(m->role, c->role, sizeof(m->role));
			m->udp_first = udp_first;
			m->udp_last = udp_last;
			m->mtu = c->mtu;
		}
	}
	return n;
}
