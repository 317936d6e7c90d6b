/* SPDX-License-Identifier: Apache-2.0 */
/* See lab.h. The fakes of port.h and adjacency.h stand at the end. */
#include "tests/stage/lab.h"
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <cmocka.h>
#include <rte_cycles.h>
#include <rte_eal.h>
#include <rte_eth_ring.h>
#include <rte_ethdev.h>

#define POOL 2047
#define RING 512

struct lab lab;
bool lab_neighbours = true;
uint16_t lab_mtu = 1500;
int lab_adjacencies;

static struct rte_ring *ring(const char *what, unsigned a, unsigned b)
{
	char name[RTE_RING_NAMESIZE];
	struct rte_ring *r;

	snprintf(name, sizeof(name), "%s%u.%u", what, a, b);
	r = rte_ring_create(name, RING, SOCKET_ID_ANY, 0);
	if (!r) {
		fprintf(stderr, "no memory for a ring\n");
		exit(1);
	}
	return r;
}

/* DPDK doesn't let go of such devices, so that all labs share them. */
static struct {
	struct rte_ring *in[LAB_WORKERS], *out[LAB_WORKERS];
	uint16_t id;
} devices[LAB_PORTS];

static void device_make(unsigned i)
{
	char name[16];

	for (unsigned q = 0; q < LAB_WORKERS; q++) {
		devices[i].in[q] = ring("in", i, q);
		devices[i].out[q] = ring("out", i, q);
	}
	snprintf(name, sizeof(name), "lab%u", i);
	devices[i].id =
		(uint16_t)rte_eth_from_rings(name, devices[i].in, LAB_WORKERS,
					     devices[i].out, LAB_WORKERS, 0);
}

static void remove_runtime_dir(void)
{
	rmdir(rte_eal_get_runtime_dir());
}

void lab_start(void)
{
	static char prefix[32];
	static char *argv[] = {
		"lab",
		"--no-huge",
		"-m",
		"192",
		"--no-pci",
		"--no-shconf",
		"--no-telemetry",
		prefix,
		"-l",
		"0",
		"--log-level=error",
		NULL,
	};

	/* Labs in other processes don't meet, and DPDK leaves its folder. */
	snprintf(prefix, sizeof(prefix), "--file-prefix=lab%d", (int)getpid());
	if (rte_eal_init(RTE_DIM(argv) - 1, argv) < 0) {
		fprintf(stderr, "DPDK does not start\n");
		exit(1);
	}
	atexit(remove_runtime_dir);
	for (unsigned i = 0; i < LAB_PORTS; i++)
		device_make(i);
}

static const char *const addresses[LAB_PORTS][2] = {
	[ACCESS] = {"10.1.0.1:0", "[fd01::1]:0"},
	[TRUNK] = {"10.2.0.1:0", "[fd02::1]:0"},
};

static void port_up(unsigned i, unsigned queues)
{
	static struct sp_addr addr[LAB_PORTS][2];
	struct port *p = &lab.ps.port[i];
	struct rte_eth_conf conf = {0};

	for (unsigned q = 0; q < LAB_WORKERS; q++) {
		lab.in[i][q] = devices[i].in[q];
		lab.out[i][q] = devices[i].out[q];
	}
	p->id = devices[i].id;
	p->queues = (uint16_t)queues;
	assert_int_equal(
		rte_eth_dev_configure(p->id, p->queues, p->queues, &conf), 0);
	for (uint16_t q = 0; q < queues; q++) {
		assert_int_equal(rte_eth_rx_queue_setup(p->id, q, RING, 0, NULL,
							lab.ps.pool),
				 0);
		assert_int_equal(
			rte_eth_tx_queue_setup(p->id, q, RING, 0, NULL), 0);
	}
	assert_int_equal(rte_eth_dev_start(p->id), 0);
	snprintf(p->cfg.name, sizeof(p->cfg.name), "%s",
		 i == ACCESS ? "access0" : "trunk0");
	snprintf(p->cfg.role, sizeof(p->cfg.role), "%s",
		 i == ACCESS ? "access" : "trunk");
	p->cfg.mtu = 1500;
	p->cfg.too_big = TOO_BIG_DROP;
	p->cfg.addresses = addr[i];
	p->cfg.addresses_count = 2;
	for (unsigned a = 0; a < 2; a++)
		addr[i][a] = lab_addr(addresses[i][a]);
	p->mac = (struct rte_ether_addr){{2, 0x53, 0x50, 0, 0, (uint8_t)i}};
	p->tap_fd = -1;
	p->to_kernel = ring("tokern", i, 0);
	p->from_kernel = ring("fromkern", i, 0);
}

void lab_up(const struct lab_options *o)
{
	unsigned workers = o->workers ? o->workers : 1;
	const struct srtp_backend *srtp = o->srtp ? o->srtp : &srtp_ipsec_mb;
	struct table_limits lim = {
		.transports = o->transports ? o->transports : 64,
		.streams = o->streams ? o->streams : 64,
		.udp_first = LAB_UDP_FIRST,
		.udp_last = LAB_UDP_LAST,
		.workers = workers,
		.replay_window = 128,
	};

	memset(&lab, 0, sizeof(lab));
	lab_neighbours = true;
	lab_mtu = 1500;
	lab.workers = workers;
	lab.ps.pool = rte_pktmbuf_pool_create(
		"lab", POOL, 0,
		RTE_ALIGN(sizeof(struct pkt_meta), RTE_MBUF_PRIV_ALIGN),
		RTE_MBUF_DEFAULT_BUF_SIZE, SOCKET_ID_ANY);
	assert_non_null(lab.ps.pool);
	for (lab.ps.n = 0; lab.ps.n < LAB_PORTS; lab.ps.n++)
		port_up(lab.ps.n, o->queues ? o->queues : workers);
	lab.qsbr = aligned_alloc(
		64, RTE_ALIGN(rte_rcu_qsbr_get_memsize(LAB_WORKERS), 64));
	assert_non_null(lab.qsbr);
	rte_rcu_qsbr_init(lab.qsbr, LAB_WORKERS);
	lab.t = table_new(&lim, &lab.ps, NULL, lab.qsbr, srtp);
	assert_non_null(lab.t);
	for (unsigned i = 0; i < workers; i++) {
		struct worker *w = &lab.w[i];

		w->id = i;
		w->n_workers = workers;
		w->table = lab.t;
		w->ports = &lab.ps;
		w->srtp = srtp;
		w->engine = srtp->engine_new(NULL);
		assert_non_null(w->engine);
		w->qsbr = lab.qsbr;
		w->handover = ring("hand", i, 0);
		w->to_control = ring("toctl", i, 0);
		w->all = lab.w;
		w->stop = &lab.stop;
	}
}

static void drain(struct rte_ring *r)
{
	struct rte_mbuf *m;

	while (rte_ring_dequeue(r, (void **)&m) == 0)
		rte_pktmbuf_free(m);
}

void lab_clear(void)
{
	for (unsigned i = 0; i < LAB_PORTS; i++) {
		for (unsigned q = 0; q < lab.ps.port[i].queues; q++)
			drain(lab.out[i][q]);
		drain(lab.ps.port[i].to_kernel);
	}
	for (unsigned i = 0; i < lab.workers; i++)
		drain(lab.w[i].to_control);
}

void lab_down(void)
{
	lab_clear();
	table_free(lab.t);
	assert_int_equal(lab_adjacencies, 0);
	assert_int_equal(rte_mempool_avail_count(lab.ps.pool), POOL);
	for (unsigned i = 0; i < lab.workers; i++) {
		lab.w[i].srtp->engine_free(lab.w[i].engine);
		rte_ring_free(lab.w[i].handover);
		rte_ring_free(lab.w[i].to_control);
	}
	for (unsigned i = 0; i < LAB_PORTS; i++) {
		struct port *p = &lab.ps.port[i];

		rte_eth_dev_stop(p->id);
		rte_ring_free(p->to_kernel);
		rte_ring_free(p->from_kernel);
	}
	rte_mempool_free(lab.ps.pool);
	free(lab.qsbr);
}

struct sp_transport lab_transport(uint64_t id, unsigned media, uint16_t port,
				  const char *peer)
{
	struct sp_transport x = {
		.id = id,
		.call = 7,
		.media_addr = (uint8_t)media,
		.source = SP_SOURCE_LEARN,
		.rtp_port = port,
		.peer_rtp = lab_addr(peer),
		.peer_rtcp = lab_addr(peer),
	};

	if (x.peer_rtcp.port)
		x.peer_rtcp.port++;
	return x;
}

struct sp_stream lab_stream(uint64_t id, uint64_t from, uint64_t to)
{
	return (struct sp_stream){
		.id = id,
		.from = from,
		.to = to,
		.match = SP_MATCH_ANY,
		.out_pt = SP_PT_KEEP,
	};
}

static void *mem_take(void *ctx, size_t size, size_t align)
{
	(void)ctx;
	return aligned_alloc(align, (size + align - 1) / align * align);
}

static void mem_give(void *ctx, void *p, size_t size)
{
	(void)ctx;
	(void)size;
	free(p);
}

const struct srtp_mem lab_srtp_mem = {mem_take, mem_give, NULL};

struct sp_key lab_key(uint64_t seed, uint16_t suite)
{
	const struct sp_suite_info *s = sp_suite_info(suite);
	struct sp_key k = {.id = seed, .suite = suite};

	for (unsigned i = 0; i < s->key_len; i++)
		k.key[i] = (uint8_t)(seed * 131 + i * 7 + 1);
	for (unsigned i = 0; i < s->salt_len; i++)
		k.salt[i] = (uint8_t)(seed * 17 + i * 3 + 5);
	return k;
}

void lab_add(const struct sp_transport *x)
{
	char text[SP_TEXT_MAX] = "";
	int r = table_transport_add(lab.t, x, text);

	if (r != SP_OK)
		fail_msg("transport %d: %s", (int)x->id, text);
}

void lab_add_stream(const struct sp_stream *x)
{
	char text[SP_TEXT_MAX] = "";
	int r = table_stream_add(lab.t, x, text);

	if (r != SP_OK)
		fail_msg("stream %d: %s", (int)x->id, text);
}

void lab_pair(const struct sp_transport *access,
	      const struct sp_transport *trunk)
{
	struct sp_stream there = lab_stream(1, access->id, trunk->id);
	struct sp_stream back = lab_stream(2, trunk->id, access->id);

	lab_add(access);
	lab_add(trunk);
	lab_add_stream(&there);
	lab_add_stream(&back);
}

struct rte_mbuf *lab_inject(unsigned port, unsigned queue, const void *frame,
			    size_t n)
{
	struct rte_mbuf *m = rte_pktmbuf_alloc(lab.ps.pool);
	char *p;

	assert_non_null(m);
	p = rte_pktmbuf_append(m, (uint16_t)n);
	assert_non_null(p);
	memcpy(p, frame, n);
	assert_int_equal(rte_ring_enqueue(lab.in[port][queue], m), 0);
	return m;
}

void lab_turn(void)
{
	static bool neighbours;
	static uint16_t mtu;
	unsigned n;

	if (neighbours != lab_neighbours || mtu != lab_mtu)
		adjacency_changed();
	neighbours = lab_neighbours;
	mtu = lab_mtu;
	do {
		n = 0;
		for (unsigned i = 0; i < lab.workers; i++) {
			n += worker_turn(&lab.w[i]);
			n += rte_ring_count(lab.w[i].handover);
		}
	} while (n > 0);
}

static bool take(struct rte_ring *r, struct lab_frame *out)
{
	struct rte_mbuf *m;

	if (rte_ring_dequeue(r, (void **)&m) != 0)
		return false;
	assert_int_equal(m->nb_segs, 1);
	assert_int_equal(m->pkt_len, m->data_len);
	memset(out, 0, sizeof(*out));
	memcpy(out->octet, rte_pktmbuf_mtod(m, void *), m->data_len);
	out->len = m->data_len;
	rte_pktmbuf_free(m);
	return true;
}

bool lab_take(unsigned port, struct lab_frame *out)
{
	for (unsigned q = 0; q < lab.ps.port[port].queues; q++)
		if (take(lab.out[port][q], out))
			return true;
	return false;
}

bool lab_take_kernel(unsigned port, struct lab_frame *out)
{
	return take(lab.ps.port[port].to_kernel, out);
}

uint64_t lab_count(enum verdict v)
{
	uint64_t n = 0;

	for (unsigned i = 0; i < lab.workers; i++)
		n += lab.w[i].count[v];
	return n;
}

/* port.h and adjacency.h, as far as flow/ and stage/ use them. A peer in
 * access0's networks is reached by access0, every other one by trunk0. */
struct adjacency {
	struct sp_addr peer;
};

unsigned ports_media(const struct ports *ps, uint16_t udp_first,
		     uint16_t udp_last, struct sp_media_addr out[])
{
	unsigned n = 0;

	for (unsigned i = 0; i < ps->n; i++)
		for (unsigned a = 0; a < 2; a++, n++)
			out[n] = (struct sp_media_addr){
				.addr = ps->port[i].cfg.addresses[a],
				.udp_first = udp_first,
				.udp_last = udp_last,
				.mtu = 1500,
			};
	return n;
}

void port_describe(const struct port *p, struct sp_port *out)
{
	memcpy(out->name, p->cfg.name, sizeof(out->name));
	memcpy(out->mac, &p->mac, 6);
	out->queues = p->queues;
}

struct adjacency *adjacency_get(struct adjacencies *as,
				const struct sp_addr *peer)
{
	struct adjacency *a = malloc(sizeof(*a));

	(void)as;
	a->peer = *peer;
	lab_adjacencies++;
	return a;
}

void adjacency_put(struct adjacencies *as, struct adjacency *a)
{
	(void)as;
	lab_adjacencies--;
	free(a);
}

atomic_uint adjacency_changes = 1;

bool adjacency_read(const struct adjacency *a, struct adjacency_value *out)
{
	bool access = a->peer.family == 4 ? a->peer.addr[1] == 1
					  : a->peer.addr[1] == 0x01;
	const struct port *p = &lab.ps.port[access ? ACCESS : TRUNK];
	uint8_t last = a->peer.addr[a->peer.family == 4 ? 3 : 15];

	out->dst = (struct rte_ether_addr){{2, 0, 0, 0, 0, last}};
	out->src = p->mac;
	out->port = p->id;
	out->mtu = lab_mtu;
	return lab_neighbours;
}
