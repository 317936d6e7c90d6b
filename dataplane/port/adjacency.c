// SPDX-License-Identifier: Apache-2.0
/* dataplane/port/adjacency.c - see adjacency.h.
 *
 * A peer's route gives port and hop, the hop gives the MAC address (hop.c).
 * Either may change; whatever does, the value that workers read is put
 * together again and replaced. */
#include <errno.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <sys/queue.h>
#include <linux/rtnetlink.h>
#include "dataplane/app/log.h"
#include "dataplane/flow/arena.h"
#include "dataplane/port/adjacency.h"
#include "dataplane/port/hop.h"

#define BUCKETS	   4096
#define WORK_MAX   64 /* routes looked up in one turn of the main lcore */
#define CACHE_LINE 64
#define UNKNOWN	   UINT16_MAX /* port of a value that serves nobody */

struct adjacency {
	/* What workers read, on a line of its own. */
	_Alignas(CACHE_LINE) atomic_uint seq; /* odd: being replaced */
	_Atomic uint64_t word[2];	      /* struct adjacency_value */

	/* The main lcore's. */
	_Alignas(CACHE_LINE) struct sp_addr peer;
	LIST_ENTRY(adjacency) link; /* in its bucket */
	LIST_ENTRY(adjacency) user; /* of hop */
	TAILQ_ENTRY(adjacency) todo;
	struct hop *hop; /* NULL: no route */
	uint16_t mtu;
	bool in_todo;
	unsigned refs;
};

struct adjacencies {
	LIST_HEAD(adjacency_bucket, adjacency) bucket[BUCKETS];
	TAILQ_HEAD(adjacency_todo, adjacency)
	todo; /* whose route may have changed */
	struct ports *ports;
	struct netlink *news;
	struct arena *arena; /* huge pages: workers read one of many */
	struct hops hops;
};

_Static_assert(sizeof(struct adjacency_value) == 2 * sizeof(uint64_t),
	       "a value is two words");

atomic_uint adjacency_changes = 1;

static void publish(struct adjacency *a, const struct adjacency_value *v)
{
	unsigned seq = atomic_load_explicit(&a->seq, memory_order_relaxed);
	struct adjacency_value was;
	uint64_t word[2];

	for (unsigned i = 0; i < 2; i++)
		word[i] =
			atomic_load_explicit(&a->word[i], memory_order_relaxed);
	memcpy(&was, word, sizeof(was));
	if (memcmp(&was, v, sizeof(was)) == 0)
		return;
	memcpy(word, v, sizeof(word));
	atomic_store_explicit(&a->seq, seq + 1, memory_order_relaxed);
	atomic_thread_fence(memory_order_release);
	for (unsigned i = 0; i < 2; i++)
		atomic_store_explicit(&a->word[i], word[i],
				      memory_order_relaxed);
	atomic_store_explicit(&a->seq, seq + 2, memory_order_release);
	/* Nobody keeps what served nobody: a call to a new peer has workers
	 * ask for no other's anew. */
	if (seq != 0 && was.port != UNKNOWN)
		adjacency_changed();
}

bool adjacency_read(const struct adjacency *a, struct adjacency_value *out)
{
	uint64_t word[2];
	unsigned before, after;

	do {
		before = atomic_load_explicit(&a->seq, memory_order_acquire);
		for (unsigned i = 0; i < 2; i++)
			word[i] = atomic_load_explicit(&a->word[i],
						       memory_order_relaxed);
		atomic_thread_fence(memory_order_acquire);
		after = atomic_load_explicit(&a->seq, memory_order_relaxed);
	} while (before != after || (before & 1));
	memcpy(out, word, sizeof(word));
	return out->port != UNKNOWN;
}

static const struct port *port_of(const struct adjacencies *as,
				  unsigned ifindex)
{
	for (unsigned i = 0; i < as->ports->n; i++)
		if (as->ports->port[i].ifindex == ifindex)
			return &as->ports->port[i];
	return NULL;
}

/** Put the value together from port and hop. */
static void renew(struct adjacencies *as, struct adjacency *a)
{
	struct adjacency_value v = {.port = UNKNOWN};
	const struct port *p = a->hop ? port_of(as, a->hop->ifindex) : NULL;

	if (p && a->hop->known) {
		v.dst = a->hop->mac;
		v.src = p->mac;
		v.port = p->id;
		v.mtu = a->mtu;
	}
	publish(a, &v);
}

static void renew_users(void *arg, struct hop *h)
{
	struct adjacency *a;

	LIST_FOREACH (a, &h->users, user)
		renew(arg, a);
}

/* Routes. */

struct route {
	struct sp_addr hop; /* family 0: the peer itself */
	unsigned ifindex;
	uint32_t mtu; /* 0: the link's */
	uint8_t type;
};

static int take_metric(const struct nlattr *attr, void *arg)
{
	struct route *r = arg;

	if (mnl_attr_get_type(attr) == RTAX_MTU &&
	    mnl_attr_validate(attr, MNL_TYPE_U32) >= 0)
		r->mtu = mnl_attr_get_u32(attr);
	return MNL_CB_OK;
}

static void take_hop(struct route *r, uint8_t family, const void *octets,
		     size_t len)
{
	r->hop.family = family;
	if (len == netlink_octets(&r->hop))
		memcpy(r->hop.addr, octets, len);
	else
		r->hop.family = 0;
}

static int take_attr(const struct nlattr *attr, void *arg)
{
	const struct rtvia *via = mnl_attr_get_payload(attr);
	uint16_t len = mnl_attr_get_payload_len(attr);
	struct route *r = arg;

	switch (mnl_attr_get_type(attr)) {
	case RTA_OIF:
		if (len == sizeof(uint32_t))
			r->ifindex = mnl_attr_get_u32(attr);
		break;
	case RTA_GATEWAY:
		take_hop(r, len == 16 ? 6 : 4, mnl_attr_get_payload(attr), len);
		break;
	case RTA_VIA: /* of another family (RFC 5549) */
		if (len > sizeof(*via))
			take_hop(r, via->rtvia_family == AF_INET6 ? 6 : 4,
				 via->rtvia_addr, len - sizeof(*via));
		break;
	case RTA_METRICS:
		mnl_attr_parse_nested(attr, take_metric, r);
		break;
	}
	return MNL_CB_OK;
}

static int take_route(const struct nlmsghdr *nlh, void *arg)
{
	const struct rtmsg *rt = mnl_nlmsg_get_payload(nlh);
	struct route *r = arg;

	if (mnl_nlmsg_get_payload_len(nlh) < sizeof(*rt))
		return MNL_CB_OK;
	r->type = rt->rtm_type;
	mnl_attr_parse(nlh, sizeof(*rt), take_attr, r);
	return MNL_CB_OK;
}

static void set_hop(struct adjacency *a, struct hop *h)
{
	struct hop *old = a->hop;

	if (h == old)
		return;
	if (old)
		LIST_REMOVE(a, user);
	a->hop = h;
	if (h)
		LIST_INSERT_HEAD(&h->users, a, user);
	hop_release(old);
}

/** Ask the kernel which way the peer is, and follow. */
static void resolve(struct adjacencies *as, struct adjacency *a)
{
	struct route r = {.type = RTN_UNSPEC};
	struct netlink_request q;
	struct rtmsg *rt = netlink_request(&q, RTM_GETROUTE, 0, sizeof(*rt));
	const struct port *p = NULL;
	struct hop *h = NULL;

	rt->rtm_family = netlink_family(&a->peer);
	rt->rtm_dst_len = (uint8_t)(8 * netlink_octets(&a->peer));
	netlink_put_addr(&q, RTA_DST, &a->peer);
	if (!netlink_ask(as->hops.ask, &q, take_route, &r) &&
	    r.type == RTN_UNICAST)
		p = port_of(as, r.ifindex);
	if (p) {
		a->mtu = r.mtu && r.mtu < p->cfg.mtu ? (uint16_t)r.mtu
						     : p->cfg.mtu;
		h = hop_get(&as->hops, r.ifindex,
			    r.hop.family ? &r.hop : &a->peer);
	}
	set_hop(a, h);
	renew(as, a);
}

static void push(struct adjacencies *as, struct adjacency *a)
{
	if (a->in_todo)
		return;
	TAILQ_INSERT_TAIL(&as->todo, a, todo);
	a->in_todo = true;
}

static void drop(struct adjacencies *as, struct adjacency *a)
{
	if (a->in_todo)
		TAILQ_REMOVE(&as->todo, a, todo);
	a->in_todo = false;
}

static void push_all(struct adjacencies *as)
{
	struct adjacency *a;

	for (unsigned i = 0; i < BUCKETS; i++)
		LIST_FOREACH (a, &as->bucket[i], link)
			push(as, a);
}

void adjacencies_work(struct adjacencies *as)
{
	struct adjacency *a;

	for (unsigned i = 0; i < WORK_MAX; i++) {
		a = TAILQ_FIRST(&as->todo);
		if (!a)
			return;
		drop(as, a);
		resolve(as, a);
	}
}

/* News. */

static void on_neighbour(struct adjacencies *as, const struct nlmsghdr *nlh)
{
	struct hop *h = hop_news(&as->hops, nlh);

	if (h)
		renew_users(as, h);
}

static void on_route(struct adjacencies *as, const struct nlmsghdr *nlh)
{
	const struct rtmsg *rt = mnl_nlmsg_get_payload(nlh);

	/* Clones tell of one destination's MTU, not of the way there. */
	if (mnl_nlmsg_get_payload_len(nlh) >= sizeof(*rt) &&
	    !(rt->rtm_flags & RTM_F_CLONED))
		push_all(as);
}

static void on_link(struct adjacencies *as, const struct nlmsghdr *nlh)
{
	const struct ifinfomsg *i = mnl_nlmsg_get_payload(nlh);

	if (mnl_nlmsg_get_payload_len(nlh) >= sizeof(*i) &&
	    port_of(as, (unsigned)i->ifi_index))
		push_all(as);
}

static void on_rule(struct adjacencies *as, const struct nlmsghdr *nlh)
{
	(void)nlh;
	push_all(as);
}

static int on_news(const struct nlmsghdr *nlh, void *arg)
{
	static const struct {
		uint16_t type;
		void (*f)(struct adjacencies *as, const struct nlmsghdr *nlh);
	} table[] = {
		{RTM_NEWNEIGH, on_neighbour}, {RTM_DELNEIGH, on_neighbour},
		{RTM_NEWROUTE, on_route},     {RTM_DELROUTE, on_route},
		{RTM_NEWLINK, on_link},	      {RTM_DELLINK, on_link},
		{RTM_NEWRULE, on_rule},	      {RTM_DELRULE, on_rule},
	};

	for (unsigned i = 0; i < sizeof(table) / sizeof(table[0]); i++)
		if (table[i].type == nlh->nlmsg_type)
			table[i].f(arg, nlh);
	return MNL_CB_OK;
}

void adjacencies_read(struct adjacencies *as)
{
	if (netlink_news(as->news, on_news, as) == -ENOBUFS) {
		log_line(LOG_NOTICE,
			 "the kernel told of more changes than fit: "
			 "looking every route up again");
		hops_refresh(&as->hops, renew_users, as);
		push_all(as);
	}
	adjacencies_work(as);
}

void adjacencies_tick(struct adjacencies *as)
{
	hops_tick(&as->hops);
}

int adjacencies_fd(const struct adjacencies *as)
{
	return netlink_fd(as->news);
}

struct adjacencies *adjacencies_new(struct ports *ps)
{
	static const unsigned groups[] = {RTNLGRP_NEIGH,
					  RTNLGRP_LINK,
					  RTNLGRP_IPV4_ROUTE,
					  RTNLGRP_IPV6_ROUTE,
					  RTNLGRP_IPV4_RULE,
					  RTNLGRP_IPV6_RULE,
					  0};
	struct adjacencies *as = calloc(1, sizeof(*as));

	if (!as) {
		log_line(LOG_ERR, "following routes: no memory");
		return NULL;
	}
	TAILQ_INIT(&as->todo);
	as->ports = ps;
	as->arena = arena_new();
	as->news = netlink_open(groups);
	as->hops.ask = netlink_open(NULL);
	if (!as->arena || !as->news || !as->hops.ask) {
		log_line(LOG_ERR, "following routes: %s", strerror(errno));
		adjacencies_free(as);
		return NULL;
	}
	return as;
}

static void remove_one(struct adjacencies *as, struct adjacency *a)
{
	drop(as, a);
	set_hop(a, NULL);
	LIST_REMOVE(a, link);
	arena_give(as->arena, a, sizeof(*a));
}

void adjacencies_free(struct adjacencies *as)
{
	if (!as)
		return;
	for (unsigned i = 0; i < BUCKETS; i++)
		while (!LIST_EMPTY(&as->bucket[i]))
			remove_one(as, LIST_FIRST(&as->bucket[i]));
	netlink_close(as->news);
	netlink_close(as->hops.ask);
	arena_free(as->arena);
	free(as);
}

struct adjacency *adjacency_get(struct adjacencies *as,
				const struct sp_addr *peer)
{
	unsigned bucket = hop_hash(peer, 0) % BUCKETS;
	struct adjacency *a;

	LIST_FOREACH (a, &as->bucket[bucket], link)
		if (hop_same_addr(&a->peer, peer)) {
			a->refs++;
			return a;
		}
	a = arena_take(as->arena, sizeof(*a), CACHE_LINE);
	if (!a)
		return NULL;
	a->peer = *peer;
	a->refs = 1;
	LIST_INSERT_HEAD(&as->bucket[bucket], a, link);
	resolve(as, a);
	return a;
}

void adjacency_put(struct adjacencies *as, struct adjacency *a)
{
	if (a && !--a->refs)
		remove_one(as, a);
}
