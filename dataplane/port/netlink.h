/* SPDX-License-Identifier: Apache-2.0 */
/* dataplane/port/netlink.h - asking the kernel through rtnetlink.
 *
 * RFC 3549, rtnetlink(7), over libmnl. Main lcore only; a question waits for
 * its answer, which the kernel gives at once. */
#pragma once
#include <stdint.h>
#include <libmnl/libmnl.h>
#include "dataplane/abi/abi.h"

#define NETLINK_REQUEST_MAX 512

struct netlink; /* a socket for questions, or one for news */

/** @param groups  RTNLGRP_* to hear of, ended by 0; NULL: for questions.
 * A socket for news never blocks. @return NULL with errno set. */
struct netlink *netlink_open(const unsigned groups[]);
void netlink_close(struct netlink *n);
int netlink_fd(const struct netlink *n);

/* A question under construction. */
struct netlink_request {
	_Alignas(struct nlmsghdr) char buf[NETLINK_REQUEST_MAX];
	struct nlmsghdr *hdr;
};

/** Start one. @return its zeroed extra header, of size octets. */
void *netlink_request(struct netlink_request *q, uint16_t type, uint16_t flags,
		      size_t size);
void netlink_put_addr(struct netlink_request *q, uint16_t attr,
		      const struct sp_addr *a);

/** Ask, and hand each answer to f. @return 0, or -errno as the kernel says. */
int netlink_ask(struct netlink *n, struct netlink_request *q, mnl_cb_t f,
		void *arg);

/** Hand all news that has arrived to f. @return 0, or -ENOBUFS: some was lost,
 * so look at everything again. */
int netlink_news(struct netlink *n, mnl_cb_t f, void *arg);

/** AF_INET or AF_INET6, and octets, of an address's family. */
uint8_t netlink_family(const struct sp_addr *a);
unsigned netlink_octets(const struct sp_addr *a);
