/* SPDX-License-Identifier: Apache-2.0 */
/* dataplane/port/companion.h - a port's kernel interface.
 *
 * A TAP with the port's MAC address, MTU and IP addresses, so that ARP, ND,
 * ICMP, SSH, SIP and HTTPS on the port are the kernel's. The kernel fills in
 * every checksum, since the TAP is made without offloads. Main lcore only;
 * companions_poll is declared in port.h. */
#pragma once
#include "dataplane/port/port.h"

struct netlink;

/** Needs p->cfg, p->mac, p->id. Sets tap_fd, ifindex and the rings.
 * @return 0, or -1 with the reason logged and nothing left. */
int companion_up(struct port *p, struct netlink *nl);
/** The interface goes with its file descriptor, its addresses with it. */
void companion_down(struct port *p);
