// SPDX-License-Identifier: Apache-2.0
/* dataplane/port/hop.c - see hop.h. */
#include <stdlib.h>
#include <string.h>
#include <linux/neighbour.h>
#include "dataplane/port/hop.h"

#define WAIT_MAX 8 /* seconds between questions for one that doesn't answer */

/* States in which the kernel itself would send to the address. */
#define USABLE                                                               \
	(NUD_REACHABLE | NUD_STALE | NUD_DELAY | NUD_PROBE | NUD_PERMANENT | \
	 NUD_NOARP)
#define CONFIRMED (NUD_REACHABLE | NUD_PERMANENT | NUD_NOARP)

bool hop_same_addr(const struct sp_addr *a, const struct sp_addr *b)
{
	return a->family == b->family &&
	       !memcmp(a->addr, b->addr, netlink_octets(a));
}

uint32_t hop_hash(const struct sp_addr *a, unsigned ifindex)
{
	uint32_t h = 2166136261u ^ ifindex; /* FNV-1a */

	for (unsigned i = 0; i < netlink_octets(a); i++)
		h = (h ^ a->addr[i]) * 16777619u;
	return h ^ h >> 16;
}

static struct hop *find(struct hops *hs, unsigned ifindex,
			const struct sp_addr *addr)
{
	struct hop *h;

	LIST_FOREACH (h, &hs->bucket[hop_hash(addr, ifindex) % HOP_BUCKETS],
		      link)
		if (h->ifindex == ifindex && hop_same_addr(&h->addr, addr))
			return h;
	return NULL;
}

struct neighbour {
	struct sp_addr addr;
	unsigned ifindex;
	uint16_t state;
	bool has_mac;
	struct rte_ether_addr mac;
};

/** Take over what the kernel says. @return whether users must hear. */
static bool update(struct hop *h, const struct neighbour *n)
{
	bool changed = false;

	h->fresh = false;
	if ((n->state & USABLE) && n->has_mac) {
		changed =
			!h->known || !rte_is_same_ether_addr(&h->mac, &n->mac);
		h->mac = n->mac;
		h->known = true;
		h->fresh = n->state & CONFIRMED;
		h->wait = 1;
	} else if (n->state & NUD_FAILED) {
		changed = h->known;
		h->known = false;
	} /* incomplete: what was known serves until the answer */
	return changed;
}

static int take_attr(const struct nlattr *attr, void *arg)
{
	struct neighbour *n = arg;
	uint16_t len = mnl_attr_get_payload_len(attr);

	switch (mnl_attr_get_type(attr)) {
	case NDA_DST:
		if (len == netlink_octets(&n->addr))
			memcpy(n->addr.addr, mnl_attr_get_payload(attr), len);
		break;
	case NDA_LLADDR:
		n->has_mac = len == sizeof(n->mac);
		if (n->has_mac)
			memcpy(&n->mac, mnl_attr_get_payload(attr), len);
		break;
	}
	return MNL_CB_OK;
}

static bool parse(const struct nlmsghdr *nlh, struct neighbour *n)
{
	const struct ndmsg *nd = mnl_nlmsg_get_payload(nlh);

	memset(n, 0, sizeof(*n));
	if (mnl_nlmsg_get_payload_len(nlh) < sizeof(*nd) ||
	    (nd->ndm_family != AF_INET && nd->ndm_family != AF_INET6))
		return false;
	n->addr.family = nd->ndm_family == AF_INET6 ? 6 : 4;
	n->ifindex = (unsigned)nd->ndm_ifindex;
	n->state = nd->ndm_state;
	return mnl_attr_parse(nlh, sizeof(*nd), take_attr, n) >= 0;
}

struct hop *hop_news(struct hops *hs, const struct nlmsghdr *nlh)
{
	struct neighbour n;
	struct hop *h;

	if (!parse(nlh, &n))
		return NULL;
	h = find(hs, n.ifindex, &n.addr);
	if (!h)
		return NULL;
	if (nlh->nlmsg_type == RTM_DELNEIGH) {
		/* Forgotten, not found wrong: ask before giving it up. */
		h->fresh = false;
		return NULL;
	}
	return update(h, &n) ? h : NULL;
}

static void start(struct hop *h, struct netlink_request *q, uint16_t type,
		  uint16_t flags, uint8_t ndm_flags)
{
	struct ndmsg *nd = netlink_request(q, type, flags, sizeof(*nd));

	nd->ndm_family = netlink_family(&h->addr);
	nd->ndm_ifindex = (int)h->ifindex;
	nd->ndm_flags = ndm_flags;
	netlink_put_addr(q, NDA_DST, &h->addr);
}

/** As if the kernel had a packet for it: resolve it, or confirm it. */
static void use(struct hops *hs, struct hop *h)
{
	struct netlink_request q;

	start(h, &q, RTM_NEWNEIGH, NLM_F_CREATE, NTF_USE);
	netlink_ask(hs->ask, &q, NULL, NULL); /* a link that is down: later */
	if (!h->known) {
		h->ask_at = hs->ticks + h->wait;
		h->wait = h->wait * 2 < WAIT_MAX ? h->wait * 2 : WAIT_MAX;
	}
}

static int take_answer(const struct nlmsghdr *nlh, void *arg)
{
	parse(nlh, arg);
	return MNL_CB_OK;
}

/** What the kernel knows now. @return whether users must hear. */
static bool look(struct hops *hs, struct hop *h)
{
	struct neighbour n = {.state = NUD_NONE};
	struct netlink_request q;

	start(h, &q, RTM_GETNEIGH, 0, 0);
	if (netlink_ask(hs->ask, &q, take_answer, &n))
		n.state = NUD_NONE; /* no such neighbour yet */
	return update(h, &n);
}

struct hop *hop_get(struct hops *hs, unsigned ifindex,
		    const struct sp_addr *addr)
{
	struct hop *h = find(hs, ifindex, addr);

	if (h)
		return h;
	h = calloc(1, sizeof(*h));
	if (!h)
		return NULL;
	h->addr = *addr;
	h->ifindex = ifindex;
	h->wait = 1;
	LIST_INIT(&h->users);
	LIST_INSERT_HEAD(&hs->bucket[hop_hash(addr, ifindex) % HOP_BUCKETS], h,
			 link);
	look(hs, h);
	if (!h->fresh)
		use(hs, h);
	return h;
}

void hop_release(struct hop *h)
{
	if (!h || !LIST_EMPTY(&h->users))
		return;
	LIST_REMOVE(h, link);
	free(h);
}

void hops_tick(struct hops *hs)
{
	struct hop *h;

	hs->ticks++;
	for (unsigned i = 0; i < HOP_BUCKETS; i++)
		LIST_FOREACH (h, &hs->bucket[i], link)
			if (!h->fresh && (h->known || hs->ticks >= h->ask_at))
				use(hs, h);
}

void hops_refresh(struct hops *hs, void (*f)(void *arg, struct hop *h),
		  void *arg)
{
	struct hop *h;

	for (unsigned i = 0; i < HOP_BUCKETS; i++)
		LIST_FOREACH (h, &hs->bucket[i], link)
			if (look(hs, h))
				f(arg, h);
}
