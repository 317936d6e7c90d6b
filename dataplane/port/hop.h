/* SPDX-License-Identifier: Apache-2.0 */
/* dataplane/port/hop.h - a neighbour that peers are reached through.
 *
 * The kernel resolves (ARP, RFC 826; ND, RFC 4861); this follows what it finds
 * and keeps it from forgetting, since packets of ours are no use of a neighbour
 * that it sees. One hop serves every peer behind it. Used by adjacency.c; main
 * lcore only. */
#pragma once
#include <stdbool.h>
#include <stdint.h>
#include <sys/queue.h>
#include <linux/rtnetlink.h>
#include <rte_ether.h>
#include "dataplane/abi/abi.h"
#include "dataplane/port/netlink.h"

#define HOP_BUCKETS 1024

struct adjacency;

struct hop {
	LIST_ENTRY(hop) link; /* in its bucket */
	LIST_HEAD(hop_users, adjacency) users;
	struct sp_addr addr;
	unsigned ifindex;
	struct rte_ether_addr mac;
	bool known;	       /* mac may be used */
	bool fresh;	       /* the kernel has confirmed it lately */
	unsigned wait, ask_at; /* seconds between questions; when, as ticks */
};

struct hops {
	LIST_HEAD(hop_bucket, hop) bucket[HOP_BUCKETS];
	struct netlink *ask;
	unsigned ticks; /* seconds */
};

/** The hop, made where there is none; its users keep it. NULL: no memory. */
struct hop *hop_get(struct hops *hs, unsigned ifindex,
		    const struct sp_addr *addr);
/** Free it if it has no users. */
void hop_release(struct hop *h);
/** News of type RTM_NEWNEIGH or RTM_DELNEIGH. @return the hop whose address
 * changed, so that its users must hear; NULL: none. */
struct hop *hop_news(struct hops *hs, const struct nlmsghdr *nlh);
/** Once a second: wake what the kernel has let go stale, or didn't find. */
void hops_tick(struct hops *hs);
/** News was lost: look at each hop again. f is called where one changed. */
void hops_refresh(struct hops *hs, void (*f)(void *arg, struct hop *h),
		  void *arg);

/** For hash tables. */
uint32_t hop_hash(const struct sp_addr *a, unsigned ifindex);
bool hop_same_addr(const struct sp_addr *a, const struct sp_addr *b);
