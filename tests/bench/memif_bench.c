/* SPDX-License-Identifier: Apache-2.0 */
/* The dataplane as it runs, over memif: this process sends and receives, the
 * other is sallyport-dataplane with a memif port on each side.
 *
 *	memif_bench --dataplane SOCKET --access MEMIF --trunk MEMIF [--cpu N]
 *		    [--quick] [--seconds S] [--json FILE]
 *
 * scripts/bench/memif starts the dataplane and then this. The cells are those
 * of srtp_bench, and so are keys and packets. A batch of packets is made first;
 * then it is sent as fast as the dataplane takes it, WINDOW packets under way
 * at most, and timed from the first sent to the last received. Both processes
 * copy each packet, which is memif's way, and each has one CPU: what is
 * measured is the dataplane's worker, its ports included, or the sender where
 * that is slower. A packet lost ends the run. */
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <rte_eal.h>
#include <rte_ethdev.h>
#include <rte_mbuf.h>
#include "dataplane/stage/csum.h"
#include "tests/bench/memif_flows.h"
#include "tests/bench/options.h"
#include "tests/bench/srtp_bench.h"

#define SEND	32   /* packets in a burst */
#define WINDOW	768  /* under way; a memif ring here has 1,024 */
#define POOL	8191 /* packets */
#define HEADERS 42   /* Ethernet, IPv4, UDP */
#define PATIENT 2.0  /* seconds without a packet that mean one is lost */
#define TURNS	4096

static const char *dataplane, *memif[2], *cpu_text;

static struct memif_flows flows;
static struct rte_mempool *pool;
static uint16_t port[2]; /* FLOWS_* */
static struct peer sender = {.what = "memif"};

static bool eal_up(void)
{
	char cpu[32], vdev[2][160];
	char *argv[] = {"memif_bench",
			"--no-huge",
			"--no-shconf",
			"--no-pci",
			"--no-telemetry",
			"--iova-mode=va",
			"-m",
			"128",
			"--log-level=error",
			cpu,
			vdev[0],
			vdev[1],
			"--file-prefix=memif_bench"};

	snprintf(cpu, sizeof(cpu), "--lcores=0@%lu",
		 cpu_text ? strtoul(cpu_text, NULL, 0) : 0);
	for (unsigned i = 0; i < 2; i++)
		snprintf(vdev[i], sizeof(vdev[i]),
			 "--vdev=net_memif%u,role=client,socket-abstract=no,"
			 "socket=%s",
			 i, memif[i]);
	return rte_eal_init((int)RTE_DIM(argv), argv) >= 0;
}

static bool ports_up(void)
{
	static const struct rte_eth_conf conf;

	pool = rte_pktmbuf_pool_create("packets", POOL, 256, 0,
				       RTE_MBUF_DEFAULT_BUF_SIZE,
				       SOCKET_ID_ANY);
	for (unsigned i = 0; pool && i < 2; i++) {
		char name[16];

		snprintf(name, sizeof(name), "net_memif%u", i);
		if (rte_eth_dev_get_port_by_name(name, &port[i]) ||
		    rte_eth_dev_configure(port[i], 1, 1, &conf) ||
		    rte_eth_rx_queue_setup(port[i], 0, 1024, 0, NULL, pool) ||
		    rte_eth_tx_queue_setup(port[i], 0, 1024, 0, NULL) ||
		    rte_eth_dev_start(port[i]))
			return false;
	}
	return pool != NULL;
}

/* Both processes must have come to terms about their shared memory. */
static bool links_up(void)
{
	const double until = seconds() + 10;
	struct rte_eth_link link[2];

	do {
		rte_delay_us_sleep(10000);
		for (unsigned i = 0; i < 2; i++)
			if (rte_eth_link_get_nowait(port[i], &link[i]))
				return false;
		if (link[0].link_status && link[1].link_status)
			return true;
	} while (seconds() < until);
	fprintf(stderr, "the dataplane's memif ports do not answer\n");
	return false;
}

/* Packet i of the load as the peer of its stream sends it. */
static uint16_t make_frame(const struct load *l, unsigned side, unsigned i,
			   uint8_t *f)
{
	static const uint8_t fixed[HEADERS] = {
		[6] = 2,     [11] = 0x99, [12] = 0x08,
		[14] = 0x45, [22] = 61,	  [23] = IPPROTO_UDP,
		[26] = 10,   [29] = 100, /* source */
	};
	const struct sp_addr to = memif_flows_local(&flows, side, l->stream[i]);
	const uint16_t total = htons((uint16_t)(28 + l->len));
	const uint16_t len = htons((uint16_t)(8 + l->len));
	const uint16_t at = htons(to.port);
	uint16_t sum;

	memcpy(f, fixed, sizeof(fixed));
	memcpy(f, flows.mac[side], 6);
	memcpy(f + 16, &total, 2);
	f[27] = (uint8_t)(side + 1);
	memcpy(f + 30, to.addr, 4);
	memcpy(f + 34, &at, 2);
	memcpy(f + 36, &at, 2);
	memcpy(f + 38, &len, 2);
	memcpy(f + HEADERS, l->store + (size_t)i * STRIDE, l->len);
	sum = (uint16_t)~csum_fold(csum_add(0, f + 14, 20));
	memcpy(f + 24, &sum, 2);
	sum = (uint16_t)~csum_fold(
		csum_add(csum_add(htons(IPPROTO_UDP), f + 26, 8) + len, f + 34,
			 8 + (size_t)l->len));
	sum = sum ? sum : 0xffff;
	memcpy(f + 40, &sum, 2);
	return (uint16_t)(HEADERS + l->len);
}

static unsigned receive(uint16_t from)
{
	struct rte_mbuf *m[SEND];
	uint16_t n = rte_eth_rx_burst(from, 0, m, SEND);

	rte_pktmbuf_free_bulk(m, n);
	return n;
}

static unsigned transmit(uint16_t to, uint8_t *const frame[],
			 const uint16_t len[], unsigned n)
{
	struct rte_mbuf *m[SEND];
	uint16_t sent;

	if (rte_pktmbuf_alloc_bulk(pool, m, n))
		return 0;
	for (unsigned i = 0; i < n; i++) {
		memcpy(rte_pktmbuf_mtod(m[i], void *), frame[i], len[i]);
		m[i]->data_len = len[i];
		m[i]->pkt_len = len[i];
	}
	sent = rte_eth_tx_burst(to, 0, m, (uint16_t)n);
	if (sent < n)
		rte_pktmbuf_free_bulk(m + sent, n - sent);
	return sent;
}

/* Send what the load holds, and wait for all of it. @return seconds. */
static double batch(const struct load *l, unsigned n)
{
	static uint8_t(*store)[2048];
	static uint8_t *frame[CHUNK * CHUNKS];
	static uint16_t len[CHUNK * CHUNKS];
	const unsigned side = l->cell->protect ? FLOWS_ACCESS : FLOWS_TRUNK;
	unsigned sent = 0, got = 0;
	double start, heard;

	if (!store)
		store = calloc(CHUNK * CHUNKS, sizeof(*store));
	for (unsigned i = 0; store && i < n; i++) {
		frame[i] = store[i];
		len[i] = make_frame(l, side, i, frame[i]);
	}
	start = heard = seconds();
	while (got < n) {
		unsigned k = WINDOW - (sent - got);

		k = RTE_MIN(k, n - sent);
		k = RTE_MIN(k, (unsigned)SEND);
		if (k)
			sent += transmit(port[side], frame + sent, len + sent,
					 k);
		k = receive(port[!side]);
		got += k;
		if (k)
			heard = seconds();
		else if (seconds() - heard > PATIENT) {
			fprintf(stderr, "%u of %u packets came back\n", got, n);
			exit(1);
		}
	}
	return seconds() - start;
}

static void report(const struct cell *c, double ns)
{
	printf("%-9s %-23s %5u %7u | %8.1f %7.3f\n", cell_direction(c),
	       cell_suite(c), c->octets, c->streams, ns, 1e3 / ns);
	fflush(stdout);
	options_object("\"what\": \"memif\", \"direction\": \"%s\", "
		       "\"suite\": \"%s\", \"octets\": %u, \"streams\": %u, "
		       "\"mpps\": %.4f, \"ns\": %.1f",
		       cell_direction(c), cell_suite(c), c->octets, c->streams,
		       1e3 / ns, ns);
}

static void row(const struct cell *c)
{
	static double ns[TURNS];
	const double until = seconds() + options.seconds;
	unsigned n = 0;

	do {
		const struct load *l = load_next(&sender, c, -1);

		ns[n++] = batch(l, l->n) * 1e9 / l->n;
	} while (seconds() < until && n < TURNS);
	report(c, sample_median(ns, n));
}

static struct srtp_master key_of(void *arg, uint32_t i)
{
	return master_of(arg, i);
}

/* Cells that share their flows: they differ in the packets' size. */
static bool rows(struct cell c)
{
	bool well;

	c.octets = 172;
	if (peer_ready(&peer_bare, &c))
		return false;
	sender.next = calloc(c.streams, sizeof(*sender.next));
	well = sender.next &&
	       memif_flows_add(&flows, c.streams, c.protect, key_of, &c);
	for (int64_t at = 0; well && at < c.streams; at += CHUNK * CHUNKS) {
		const struct load *l = load_next(&sender, &c, at);

		batch(l, l->n);
	}
	for (unsigned i = 0; well && i < OPTION_SIZES; i++) {
		c.octets = option_octets[i];
		if (options_octets(c.octets))
			row(&c);
	}
	well = well && memif_flows_remove(&flows, c.streams);
	free(sender.next);
	peer_done(&peer_bare);
	return well;
}

int main(int argc, char **argv)
{
	static const struct option_own own[] = {{"dataplane", &dataplane},
						{"access",
						 &memif[FLOWS_ACCESS]},
						{"trunk", &memif[FLOWS_TRUNK]},
						{"cpu", &cpu_text},
						{NULL, NULL}};
	bool well;

	options_read(argc, argv, own);
	if (!dataplane || !memif[0] || !memif[1]) {
		fprintf(stderr, "--dataplane, --access and --trunk: sockets\n");
		return 2;
	}
	if (!eal_up() || !bare_open_isa(NULL) || !ports_up() || !links_up() ||
	    !memif_flows_connect(&flows, dataplane))
		return 2;
	measure_start();
	printf("%-9s %-23s %5s %7s | %8s %7s\n", "", "", "octets", "streams",
	       "ns", "Mpps");
	well = options_sweep(SEND, rows);
	options_done();
	memif_flows_close(&flows);
	return well ? 0 : 1;
}
