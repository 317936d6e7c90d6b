/* SPDX-License-Identifier: Apache-2.0 */
/* See pipeline_lab.h. What stands in for port/ is at the end. */
#define _GNU_SOURCE
#include <netinet/in.h>
#include <sched.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <rte_eal.h>
#include <rte_eth_ring.h>
#include <rte_ethdev.h>
#include "dataplane/flow/arena.h"
#include "dataplane/stage/csum.h"
#include "tests/bench/pipeline_lab.h"

#define UDP_FIRST 1024
#define UDP_LAST  65535
#define PAIRS	  ((UDP_LAST - UDP_FIRST + 1) / 2) /* media of one address */
#define PEERS	  16
#define PEER_PORT 4000
#define POOL	  1023
#define CACHE	  512	/* a chunk's packets come again: they stay in L2 */
#define MEMORY	  "320" /* MiB; 100,000 streams' hashes take most of it */

static struct pipeline_lab lab;
static struct srtp_backend backend; /* IPsec-MB, held to one isa */
static const char *isa_wanted;
static struct arena *near; /* phones' adjacencies, as the real ones have one */

static struct srtp_engine *held_engine(const char *isa)
{
	(void)isa;
	return srtp_ipsec_mb.engine_new(isa_wanted);
}

static struct rte_ring *ring(const char *what, unsigned port)
{
	char name[RTE_RING_NAMESIZE];

	snprintf(name, sizeof(name), "%s%u", what, port);
	return rte_ring_create(name, LAB_RING, SOCKET_ID_ANY,
			       RING_F_SP_ENQ | RING_F_SC_DEQ);
}

static int port_up(enum lab_port i)
{
	static const char *const names[] = {"access", "trunk"};
	static const struct rte_eth_conf conf;
	struct port *p = &lab.ps.port[i];
	int id;

	lab.in[i] = ring("in", i);
	lab.out[i] = ring("out", i);
	if (!lab.in[i] || !lab.out[i])
		return -1;
	id = rte_eth_from_rings(names[i], &lab.in[i], 1, &lab.out[i], 1, 0);
	if (id < 0)
		return -1;
	p->id = (uint16_t)id;
	p->queues = 1;
	p->tap_fd = -1;
	p->mac = (struct rte_ether_addr){{2, 0x53, 0x50, 0, 0, (uint8_t)i}};
	if (rte_eth_dev_configure(p->id, 1, 1, &conf) ||
	    rte_eth_rx_queue_setup(p->id, 0, LAB_RING, 0, NULL, lab.ps.pool) ||
	    rte_eth_tx_queue_setup(p->id, 0, LAB_RING, 0, NULL))
		return -1;
	return rte_eth_dev_start(p->id);
}

static unsigned long free_hugepages(void)
{
	FILE *f = fopen("/sys/kernel/mm/hugepages/hugepages-2048kB/"
			"free_hugepages",
			"re");
	unsigned long n = 0;

	if (f) {
		if (fscanf(f, "%lu", &n) != 1)
			n = 0;
		fclose(f);
	}
	return n;
}

static bool eal_up(void)
{
	char cpu[32];
	char *argv[16] = {"pipeline",
			  "--no-pci",
			  "--no-telemetry",
			  "--iova-mode=va",
			  "--log-level=error",
			  "-m",
			  MEMORY};
	int n = 7;

	snprintf(cpu, sizeof(cpu), "--lcores=0@%d", sched_getcpu());
	argv[n++] = cpu;
	lab.huge = free_hugepages() * 2 >= strtoul(MEMORY, NULL, 10);
	if (lab.huge) {
		argv[n++] = "--in-memory";
	} else {
		argv[n++] = "--no-huge";
		argv[n++] = "--no-shconf";
	}
	return rte_eal_init(n, argv) >= 0;
}

struct pipeline_lab *pipeline_lab_start(const char *isa)
{
	struct worker *w = &lab.w;

	isa_wanted = isa;
	backend = srtp_ipsec_mb;
	backend.engine_new = held_engine;
	if (!eal_up()) {
		fprintf(stderr, "DPDK does not start\n");
		return NULL;
	}
	lab.ps.pool = rte_pktmbuf_pool_create(
		"packets", POOL, CACHE,
		RTE_ALIGN(sizeof(struct pkt_meta), RTE_MBUF_PRIV_ALIGN),
		RTE_MBUF_DEFAULT_BUF_SIZE, SOCKET_ID_ANY);
	if (!lab.ps.pool)
		goto no_memory;
	for (; lab.ps.n < LAB_PORTS; lab.ps.n++)
		if (port_up(lab.ps.n))
			goto no_memory;
	w->n_workers = 1;
	w->ports = &lab.ps;
	w->srtp = &backend;
	w->all = w;
	w->engine = held_engine(NULL);
	w->qsbr = aligned_alloc(64, RTE_ALIGN(rte_rcu_qsbr_get_memsize(1), 64));
	if (!w->qsbr || !w->engine)
		goto no_memory;
	rte_rcu_qsbr_init(w->qsbr, 1);
	return &lab;
no_memory:
	fprintf(stderr, "no memory for the pipeline's ports and packets\n");
	return NULL;
}

bool pipeline_lab_open(struct pipeline_lab *l, uint32_t streams)
{
	const struct table_limits lim = {
		.transports = 2 * streams,
		.streams = 2 * streams,
		.udp_first = UDP_FIRST,
		.udp_last = UDP_LAST,
		.workers = 1,
		.replay_window = 128,
	};

	l->streams = streams;
	near = near ? near : arena_new();
	l->t = near ? table_new(&lim, &l->ps, NULL, l->w.qsbr, &backend) : NULL;
	l->w.table = l->t;
	memset(l->w.count, 0, sizeof(l->w.count));
	return l->t != NULL;
}

void pipeline_lab_close(struct pipeline_lab *l)
{
	table_free(l->t);
	l->t = l->w.table = NULL;
}

/* Media addresses that so many streams need, on each side. */
static unsigned addresses(const struct pipeline_lab *l)
{
	return (l->streams + PAIRS - 1) / PAIRS;
}

/* 10.1.0.1 and on for the gateway's access side, 10.2.0.1 for its trunk. */
static struct sp_addr gateway(enum lab_port side, unsigned at)
{
	return (struct sp_addr){
		.family = 4,
		.prefix = 32,
		.addr = {10, (uint8_t)(side + 1), 0, (uint8_t)(at + 1)},
	};
}

/* Phones from 10.128.0.0 on; far ends at 10.2.0.100 and on, where each medium
 * has a port of its own. */
static struct sp_addr peer(enum lab_port side, uint32_t i)
{
	if (side == LAB_ACCESS)
		return (struct sp_addr){
			.family = 4,
			.prefix = 32,
			.port = PEER_PORT,
			.addr = {10, (uint8_t)(128 + (i >> 16)),
				 (uint8_t)(i >> 8), (uint8_t)i},
		};
	return (struct sp_addr){
		.family = 4,
		.prefix = 32,
		.port = (uint16_t)(UDP_FIRST + 2 * (i / PEERS)),
		.addr = {10, 2, 0, (uint8_t)(100 + i % PEERS)},
	};
}

static void key_of(struct sp_key *k, const struct srtp_master *m, uint64_t id)
{
	if (!m)
		return;
	k->id = id;
	k->suite = m->suite;
	memcpy(k->key, m->key, sizeof(k->key));
	memcpy(k->salt, m->salt, sizeof(k->salt));
}

static bool complain(uint32_t i, const char *text)
{
	fprintf(stderr, "medium %u: %s\n", i, text);
	return false;
}

/* A rate that is looked at and never reached. */
static bool transport_add(struct pipeline_lab *l, uint32_t i,
			  enum lab_port side, const struct medium *m)
{
	const struct srtp_master *k = side == LAB_ACCESS ? m->access : m->trunk;
	const bool in = side == LAB_ACCESS ? m->to_trunk : m->to_access;
	const bool out = side == LAB_ACCESS ? m->to_access : m->to_trunk;
	struct sp_transport x = {
		.id = 2 * (uint64_t)i + side + 1,
		.call = i + 1,
		.media_addr = (uint8_t)(side * addresses(l) + i / PAIRS),
		.flags = SP_TRANSPORT_RTCP_MUX,
		.source = SP_SOURCE_LEARN,
		.dscp = 46,
		.rtp_port = (uint16_t)(UDP_FIRST + 2 * (i % PAIRS)),
		.peer_rtp = peer(side, i),
		.max_pps = 1000000000,
		.max_octets = UINT32_MAX,
	};
	char text[SP_TEXT_MAX] = "";

	key_of(&x.rx, in ? k : NULL, x.id);
	key_of(&x.tx, out ? k : NULL, x.id);
	if (in && out)
		x.tx.key[0] ^= 1; /* never one key for both */
	if (table_transport_add(l->t, &x, text) != SP_OK)
		return complain(i, text);
	return true;
}

static bool stream_add(struct pipeline_lab *l, uint32_t i, enum lab_port from)
{
	const struct sp_stream s = {
		.id = 2 * (uint64_t)i + from + 1,
		.from = 2 * (uint64_t)i + from + 1,
		.to = 2 * (uint64_t)i + !from + 1,
		.match = SP_MATCH_ANY,
		.out_pt = SP_PT_KEEP,
	};
	char text[SP_TEXT_MAX] = "";

	if (table_stream_add(l->t, &s, text) != SP_OK)
		return complain(i, text);
	return true;
}

bool pipeline_lab_add(struct pipeline_lab *l, uint32_t i,
		      const struct medium *m)
{
	return transport_add(l, i, LAB_ACCESS, m) &&
	       transport_add(l, i, LAB_TRUNK, m) &&
	       (!m->to_trunk || stream_add(l, i, LAB_ACCESS)) &&
	       (!m->to_access || stream_add(l, i, LAB_TRUNK));
}

uint16_t pipeline_lab_frame(const struct pipeline_lab *l, enum lab_port side,
			    uint32_t i, uint8_t *frame, uint16_t n, bool sums)
{
	static const uint8_t fixed[34] = {
		[6] = 2,
		[11] = 0x99,
		[12] = 0x08,
		[14] = 0x45,
		[22] = 61, /* TTL */
		[23] = IPPROTO_UDP,
	};
	const struct sp_addr src = peer(side, i),
			     dst = gateway(side, i / PAIRS);
	uint8_t *ip = frame + 14, *udp = frame + 34;
	const uint16_t port = htons((uint16_t)(UDP_FIRST + 2 * (i % PAIRS)));
	const uint16_t from = htons(src.port);
	const uint16_t total = htons((uint16_t)(28 + n));
	const uint16_t len = htons((uint16_t)(8 + n));
	uint16_t sum;

	memcpy(frame, fixed, sizeof(fixed));
	memcpy(frame, &l->ps.port[side].mac, 6);
	memcpy(ip + 2, &total, 2);
	memcpy(ip + 12, src.addr, 4);
	memcpy(ip + 16, dst.addr, 4);
	sum = (uint16_t)~csum_fold(csum_add(0, ip, 20));
	memcpy(ip + 10, &sum, 2);
	memcpy(udp, &from, 2);
	memcpy(udp + 2, &port, 2);
	memcpy(udp + 4, &len, 2);
	memset(udp + 6, 0, 2);
	if (sums) {
		uint64_t pseudo = csum_add(htons(IPPROTO_UDP), ip + 12, 8);

		sum = (uint16_t)~csum_fold(
			csum_add(pseudo + len, udp, 8 + (size_t)n));
		sum = sum ? sum : 0xffff;
		memcpy(udp + 6, &sum, 2);
	}
	return (uint16_t)(LAB_HEADERS + n);
}

void pipeline_lab_complain(const struct pipeline_lab *l)
{
	for (unsigned v = V_NONE + 1; v < VERDICT_COUNT; v++)
		if (l->w.count[v])
			fprintf(stderr, "%s: %lu packets\n",
				verdict_info[v].name, l->w.count[v]);
}

/* port.h and adjacency.h, as far as flow/ and stage/ use them. An adjacency
 * costs a worker what the real one does: it is as large, and read alike. */
struct adjacency {
	_Alignas(64) atomic_uint seq;
	_Atomic uint64_t word[2];
	_Alignas(64) unsigned refs;
	uint8_t mains[124];
};

unsigned ports_media(const struct ports *ps, uint16_t udp_first,
		     uint16_t udp_last, struct sp_media_addr out[])
{
	const unsigned n = addresses(&lab);

	(void)ps;
	for (unsigned i = 0; i < 2 * n; i++)
		out[i] = (struct sp_media_addr){
			.addr = gateway(i / n, i % n),
			.udp_first = udp_first,
			.udp_last = udp_last,
			.mtu = LAB_MTU,
		};
	return 2 * n;
}

void port_describe(const struct port *p, struct sp_port *out)
{
	(void)p;
	memset(out, 0, sizeof(*out));
}

static void adjacency_set(struct adjacency *a, const struct sp_addr *to,
			  const struct port *p)
{
	const struct adjacency_value v = {
		.dst = {{2, 1, to->addr[0], to->addr[1], to->addr[2],
			 to->addr[3]}},
		.src = p->mac,
		.port = p->id,
		.mtu = LAB_MTU,
	};
	uint64_t word[2];

	memcpy(word, &v, sizeof(word));
	a->word[0] = word[0];
	a->word[1] = word[1];
}

static struct adjacency *latest;

size_t pipeline_lab_adjacencies(void)
{
	return arena_used(near);
}

/* Far ends are shared; a phone's is asked for by its own transport only, twice
 * in a row. */
struct adjacency *adjacency_get(struct adjacencies *as,
				const struct sp_addr *to)
{
	static struct adjacency far[PEERS];
	static struct sp_addr whose;
	struct adjacency *a;

	(void)as;
	if (to->addr[1] < 128) {
		a = &far[to->addr[3] % PEERS];
		adjacency_set(a, to, &lab.ps.port[LAB_TRUNK]);
		a->refs += 2; /* never the last */
		return a;
	}
	if (latest && !memcmp(whose.addr, to->addr, 4)) {
		latest->refs++;
		return latest;
	}
	a = arena_take(near, sizeof(*a), 64);
	if (!a)
		return NULL;
	adjacency_set(a, to, &lab.ps.port[LAB_ACCESS]);
	a->refs = 1;
	latest = a;
	whose = *to;
	return a;
}

void adjacency_put(struct adjacencies *as, struct adjacency *a)
{
	(void)as;
	if (--a->refs)
		return;
	if (a == latest)
		latest = NULL;
	arena_give(near, a, sizeof(*a));
}

atomic_uint adjacency_changes = 1;

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
	return true;
}
