/* SPDX-License-Identifier: Apache-2.0 */
/* dataplane/port/port.h - DPDK ports by role, and their kernel companions.
 *
 * A port is any DPDK ethdev: physical by PCI address or virtual (TAP,
 * AF_PACKET, AF_XDP, memif) by device name and arguments. Brought up and taken
 * down by the main lcore; workers only poll queues. */
#pragma once
#include <stdbool.h>
#include <stdint.h>
#include <rte_ether.h>
#include <rte_mempool.h>
#include <rte_ring.h>
#include "dataplane/abi/abi.h"

#define PORT_MAX 8

/* What becomes of a packet that would outgrow the MTU it has to leave by. */
enum too_big {
	TOO_BIG_ICMP,	  /* its sender is told what fits (RFC 1191, 8201) */
	TOO_BIG_FRAGMENT, /* it leaves in fragments (RFC 791, 8200) */
	TOO_BIG_DROP,
};

struct port_config {		     /* as the configuration file says */
	char name[SP_PORT_NAME_MAX]; /* "access0" */
	char role[SP_PORT_NAME_MAX]; /* "access" or "trunk" */
	char *device;		     /* "0000:03:00.0", "net_tap0" */
	char *args;		     /* vdev arguments, or NULL */
	char *companion; /* kernel interface to make, e.g. "sp-access" */
	struct rte_ether_addr mac; /* of the gateway; zero: the device's */
	struct sp_addr *addresses; /* of the gateway, prefix set; put on the
				       * companion interface */
	unsigned addresses_count;
	uint16_t mtu;
	uint16_t vlan;	      /* tag of all that the port hears and says;
			       * 0: none is put on, any is taken */
	enum too_big too_big; /* of what leaves by this port */
	uint16_t queues;      /* at most; 0: one for each worker */
};

struct port {
	struct port_config cfg;
	uint16_t id;	 /* DPDK's */
	uint16_t queues; /* RX queues; TX has as many */
	struct rte_ether_addr mac;
	int tap_fd;		      /* kernel companion */
	unsigned ifindex;	      /* of the companion */
	struct rte_ring *to_kernel;   /* any worker -> main lcore */
	struct rte_ring *from_kernel; /* main lcore -> the worker of queue 0 */
	uint64_t n_to_kernel, n_from_kernel;
	bool csum_rx, csum_tx; /* the device checks, fills in, checksums */
};

struct ports {
	struct port port[PORT_MAX];
	unsigned n;
	struct rte_mempool *pool;
};

/** Bring all ports up, with one queue for each worker where the device can
 * (fewer otherwise; workers without a queue get packets by the hand-over
 * ring), and make the companions. @return 0, or -1 with the reason logged and
 * nothing left up. Main lcore. */
int ports_up(struct ports *ps, const struct port_config cfg[], unsigned n,
	     unsigned workers);
/** Take everything down again, companions included. */
void ports_down(struct ports *ps);
/** Move packets between the companions' file descriptors and the rings.
 * Called by the main lcore every millisecond or so. @return packets moved. */
unsigned companions_poll(struct ports *ps);
/** Fill in the abi's view of a port. */
void port_describe(const struct port *p, struct sp_port *out);
/** The gateway's media addresses, for the greeting. @return how many. */
unsigned ports_media(const struct ports *ps, uint16_t udp_first,
		     uint16_t udp_last, struct sp_media_addr out[]);
