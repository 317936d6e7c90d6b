// SPDX-License-Identifier: Apache-2.0
/* tests/port/adjacency_test.c - adjacencies against a real kernel.
 *
 * In a network namespace of its own, a TAP stands for a companion interface;
 * the test holds its file descriptor and is every neighbour on that wire: it
 * answers ARP and ND with the MAC addresses of the table below. Needs root. */
#define _GNU_SOURCE
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <arpa/inet.h>
#include <fcntl.h>
#include <net/if.h>
#include <poll.h>
#include <sched.h>
#include <sys/ioctl.h>
#include <time.h>
#include <unistd.h>
#include <linux/if_tun.h>
#include <cmocka.h>
#include "dataplane/port/adjacency.h"

#define PATIENCE 5000 /* ms until a state that must come counts as missing */
#define QUIET	 150  /* ms in which a state must not come */
#define PORT_ID	 3
#define MTU	 1500

/* Who is there, as the last octet of address and MAC address. */
static struct {
	uint8_t last, mac;
	bool answers;
} neighbours[] = {{2, 0x22, true}, {3, 0x33, true}, {4, 0x44, false}};

static struct ports ports;
static struct adjacencies *as;
static int tap;

static void sh(const char *fmt, ...)
{
	char cmd[256];
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(cmd, sizeof(cmd), fmt, ap);
	va_end(ap);
	if (system(cmd))
		fail_msg("%s: failed", cmd);
}

static const uint8_t *mac_of(uint8_t last)
{
	static uint8_t mac[6] = {2, 0, 0, 0, 0, 0};

	for (size_t i = 0; i < sizeof(neighbours) / sizeof(*neighbours); i++)
		if (neighbours[i].last == last && neighbours[i].answers) {
			mac[5] = neighbours[i].mac;
			return mac;
		}
	return NULL;
}

/** ARP (RFC 826): a request turned into its reply. */
static void answer_arp(uint8_t *f, size_t len)
{
	const uint8_t *mac = len >= 42 && f[21] == 1 ? mac_of(f[41]) : NULL;
	uint8_t asked[4];

	if (!mac)
		return;
	memcpy(asked, f + 38, 4);
	memcpy(f, f + 6, 6);
	memcpy(f + 6, mac, 6);
	f[21] = 2;
	memcpy(f + 32, f + 22, 10);
	memcpy(f + 22, mac, 6);
	memcpy(f + 28, asked, 4);
	assert_int_equal(write(tap, f, 42), 42);
}

static uint16_t icmp6_sum(const uint8_t *ip, size_t len)
{
	uint32_t sum = 58 + (uint32_t)len;

	for (size_t i = 8; i < 40 + len; i += 2)
		sum += (uint32_t)(ip[i] << 8 | ip[i + 1]);
	while (sum >> 16)
		sum = (sum & 0xffff) + (sum >> 16);
	return (uint16_t)~sum;
}

/** ND (RFC 4861): a solicitation from an address, turned into its answer. */
static void answer_nd(const uint8_t *f, size_t len)
{
	const uint8_t *mac;
	uint8_t out[86] = {0};
	uint16_t sum;

	if (len < 78 || f[20] != 58 || f[54] != 135 || !f[22])
		return;
	mac = mac_of(f[77]);
	if (!mac)
		return;
	memcpy(out, f + 6, 6);
	memcpy(out + 6, mac, 6);
	memcpy(out + 12, f + 12, 8);
	out[19] = 32;
	out[20] = 58;
	out[21] = 255;
	memcpy(out + 22, f + 62, 16);
	memcpy(out + 38, f + 22, 16);
	out[54] = 136;
	out[58] = 0x60; /* solicited, override */
	memcpy(out + 62, f + 62, 16);
	out[78] = 2;
	out[79] = 1;
	memcpy(out + 80, mac, 6);
	sum = htons(icmp6_sum(out + 14, 32));
	memcpy(out + 56, &sum, 2);
	assert_int_equal(write(tap, out, sizeof(out)), sizeof(out));
}

static void be_the_neighbours(void)
{
	uint8_t f[2048];
	ssize_t n;

	while ((n = read(tap, f, sizeof(f))) > 0) {
		if (f[12] == 0x08 && f[13] == 0x06)
			answer_arp(f, (size_t)n);
		if (f[12] == 0x86 && f[13] == 0xdd)
			answer_nd(f, (size_t)n);
	}
}

static long now_ms(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return t.tv_sec * 1000 + t.tv_nsec / 1000000;
}

/* A turn of the main lcore; its seconds pass ten times as fast. */
static void turn(void)
{
	static long next;
	struct pollfd p[] = {{.fd = tap, .events = POLLIN},
			     {.fd = adjacencies_fd(as), .events = POLLIN}};

	poll(p, 2, 10);
	be_the_neighbours();
	if (p[1].revents)
		adjacencies_read(as);
	adjacencies_work(as);
	if (now_ms() < next)
		return;
	next = now_ms() + 100;
	adjacencies_tick(as);
}

/** Wait until it is reached by the MAC address 02::mac (0: not at all). */
static bool becomes(const struct adjacency *a, uint8_t mac, int ms)
{
	long end = now_ms() + ms;

	do {
		struct adjacency_value v;
		bool known = adjacency_read(a, &v);

		if (!mac && !known)
			return true;
		if (mac && known && v.dst.addr_bytes[5] == mac) {
			assert_int_equal(v.port, PORT_ID);
			assert_memory_equal(&v.src, &ports.port[0].mac, 6);
			return true;
		}
		turn();
	} while (now_ms() < end);
	return false;
}

static struct adjacency *get(const char *text)
{
	struct sp_addr a = {.family = strchr(text, ':') ? 6 : 4};
	struct adjacency *adj;

	assert_int_equal(
		inet_pton(a.family == 6 ? AF_INET6 : AF_INET, text, a.addr), 1);
	adj = adjacency_get(as, &a);
	assert_non_null(adj);
	return adj;
}

static void set_neighbour(uint8_t last, uint8_t mac, bool answers)
{
	for (size_t i = 0; i < sizeof(neighbours) / sizeof(*neighbours); i++)
		if (neighbours[i].last == last) {
			neighbours[i].mac = mac;
			neighbours[i].answers = answers;
		}
}

static int set_up(void **state)
{
	struct ifreq r = {.ifr_flags = IFF_TAP | IFF_NO_PI,
			  .ifr_name = "port0"};

	(void)state;
	if (unshare(CLONE_NEWNET))
		return -1;
	tap = open("/dev/net/tun", O_RDWR | O_NONBLOCK);
	if (tap < 0 || ioctl(tap, TUNSETIFF, &r))
		return -1;
	/* Believe a new MAC address at once, and forget soon. */
	sh("cd /proc/sys/net/ipv4/neigh/port0 && echo 0 >locktime && "
	   "echo 1 >delay_first_probe_time && echo 200 >retrans_time_ms");
	sh("ip addr add 10.9.0.1/24 dev port0 && "
	   "ip addr add fd09::1/64 dev port0 nodad && ip link set lo up && "
	   "ip link set port0 address 02:00:00:00:00:99 up && "
	   "ip link add other0 type veth peer other1 && "
	   "ip addr add 10.8.0.1/24 dev other0 && ip link set other0 up && ip link set other1 up");
	ports.n = 1;
	ports.port[0].id = PORT_ID;
	ports.port[0].ifindex = if_nametoindex("port0");
	ports.port[0].cfg.mtu = MTU;
	memcpy(&ports.port[0].mac, "\x02\0\0\0\0\x99", 6);
	as = adjacencies_new(&ports);
	return as ? 0 : -1;
}

static int tear_down(void **state)
{
	(void)state;
	adjacencies_free(as);
	close(tap);
	return 0;
}

static void finds_a_peer_on_the_same_network(void **state)
{
	struct adjacency *a = get("10.9.0.2"), *six = get("fd09::2");
	struct adjacency_value v;

	(void)state;
	assert_true(becomes(a, 0x22, PATIENCE));
	assert_true(adjacency_read(a, &v));
	assert_int_equal(v.mtu, MTU);
	assert_true(becomes(six, 0x22, PATIENCE));
	adjacency_put(as, six);
	adjacency_put(as, a);
}

/* Who keeps a value has to hear that it isn't right any more, and only that. */
static void says_when_a_value_has_changed(void **state)
{
	struct adjacency *a = get("10.9.0.2"), *b;
	unsigned before;

	(void)state;
	assert_true(becomes(a, 0x22, PATIENCE));
	before = adjacency_changes;
	adjacencies_work(as);
	assert_int_equal(adjacency_changes, before);
	set_neighbour(2, 0x23, true);
	sh("ip neigh flush dev port0");
	assert_true(becomes(a, 0x23, PATIENCE));
	assert_int_not_equal(adjacency_changes, before);
	set_neighbour(2, 0x22, true);
	sh("ip neigh flush dev port0");
	assert_true(becomes(a, 0x22, PATIENCE));
	before = adjacency_changes;
	b = get("10.9.0.2");
	assert_int_equal(adjacency_changes, before);
	adjacency_put(as, b);
	/* Nor may what a new peer's way is, or that it is found at last, have
	 * everybody else's be asked for again. */
	b = get("10.9.0.3");
	assert_true(becomes(b, 0x33, PATIENCE));
	adjacency_put(as, b);
	assert_int_equal(adjacency_changes, before);
	sh("ip route add blackhole 10.9.0.2");
	assert_true(becomes(a, 0, PATIENCE));
	assert_int_not_equal(adjacency_changes, before);
	before = adjacency_changes;
	sh("ip route del blackhole 10.9.0.2");
	assert_true(becomes(a, 0x22, PATIENCE));
	assert_int_equal(adjacency_changes, before);
	adjacency_put(as, a);
	adjacency_changes = UINT32_MAX;
	adjacency_changed();
	assert_int_not_equal(adjacency_changes, 0);
}

static void shares_one_between_its_users(void **state)
{
	struct adjacency *a = get("10.9.0.2"), *b = get("10.9.0.2");

	(void)state;
	assert_ptr_equal(a, b);
	adjacency_put(as, a);
	assert_true(becomes(b, 0x22, PATIENCE));
	adjacency_put(as, b);
}

static void follows_a_changed_mac_address(void **state)
{
	struct adjacency *a = get("10.9.0.2"), *six = get("fd09::2");

	(void)state;
	assert_true(becomes(a, 0x22, PATIENCE));
	assert_true(becomes(six, 0x22, PATIENCE));
	set_neighbour(2, 0x2a, true);
	/* What a kernel does with a neighbour gone stale: it asks it again. */
	sh("ip neigh change 10.9.0.2 dev port0 nud stale && "
	   "ip neigh change fd09::2 dev port0 nud stale");
	assert_true(becomes(a, 0x2a, PATIENCE));
	assert_true(becomes(six, 0x2a, PATIENCE));
	set_neighbour(2, 0x22, true);
	sh("ip neigh flush dev port0");
	assert_true(becomes(a, 0x22, PATIENCE));
	assert_true(becomes(six, 0x22, PATIENCE));
	adjacency_put(as, a);
	adjacency_put(as, six);
}

static void goes_through_a_router(void **state)
{
	struct adjacency *near = get("192.168.7.9"), *far;

	(void)state;
	assert_true(becomes(near, 0, 0));
	sh("ip route add 192.168.7.0/24 via 10.9.0.3");
	assert_true(becomes(near, 0x33, PATIENCE));
	far = get("192.168.7.10");
	assert_true(becomes(far, 0x33, 0)); /* known: the hop is the same */
	sh("ip route replace 192.168.7.0/24 via 10.9.0.2");
	assert_true(becomes(near, 0x22, PATIENCE));
	assert_true(becomes(far, 0x22, PATIENCE));
	sh("ip route add 192.168.7.10 via inet6 fd09::3");
	assert_true(becomes(far, 0x33, PATIENCE));
	sh("ip route del 192.168.7.0/24");
	assert_true(becomes(near, 0, PATIENCE));
	assert_true(becomes(far, 0x33, PATIENCE));
	sh("ip route del 192.168.7.10");
	assert_true(becomes(far, 0, PATIENCE));
	adjacency_put(as, near);
	adjacency_put(as, far);
}

static void keeps_to_the_smaller_mtu(void **state)
{
	struct adjacency *a = get("192.168.8.1");
	struct adjacency_value v;

	(void)state;
	sh("ip route add 192.168.8.0/24 via 10.9.0.2 mtu 1400");
	assert_true(becomes(a, 0x22, PATIENCE));
	assert_true(adjacency_read(a, &v));
	assert_int_equal(v.mtu, 1400);
	sh("ip route del 192.168.8.0/24");
	adjacency_put(as, a);
}

static void gives_up_one_that_is_gone_until_it_is_back(void **state)
{
	struct adjacency *a = get("10.9.0.4");

	(void)state;
	assert_false(becomes(a, 0x44, QUIET));
	set_neighbour(4, 0x44, true);
	assert_true(becomes(a, 0x44, PATIENCE));
	set_neighbour(4, 0x44, false);
	sh("ip neigh change 10.9.0.4 dev port0 nud stale");
	assert_true(becomes(a, 0, 2 * PATIENCE));
	set_neighbour(4, 0x45, true);
	assert_true(becomes(a, 0x45, 2 * PATIENCE));
	adjacency_put(as, a);
}

static void follows_the_link(void **state)
{
	struct adjacency *a = get("10.9.0.2");

	(void)state;
	assert_true(becomes(a, 0x22, PATIENCE));
	sh("ip link set port0 down");
	assert_true(becomes(a, 0, PATIENCE));
	sh("ip link set port0 up");
	assert_true(becomes(a, 0x22, PATIENCE));
	adjacency_put(as, a);
}

static void leaves_other_interfaces_alone(void **state)
{
	struct adjacency *other = get("10.8.0.2"), *own = get("10.9.0.1");

	(void)state;
	sh("ip neigh add 10.8.0.2 lladdr 02:00:00:00:00:08 dev other0");
	assert_false(becomes(other, 0x08, QUIET));
	assert_true(becomes(own, 0, 0));
	adjacency_put(as, other);
	adjacency_put(as, own);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(finds_a_peer_on_the_same_network),
		cmocka_unit_test(says_when_a_value_has_changed),
		cmocka_unit_test(shares_one_between_its_users),
		cmocka_unit_test(follows_a_changed_mac_address),
		cmocka_unit_test(goes_through_a_router),
		cmocka_unit_test(keeps_to_the_smaller_mtu),
		cmocka_unit_test(gives_up_one_that_is_gone_until_it_is_back),
		cmocka_unit_test(follows_the_link),
		cmocka_unit_test(leaves_other_interfaces_alone),
	};

	return cmocka_run_group_tests(tests, set_up, tear_down);
}
