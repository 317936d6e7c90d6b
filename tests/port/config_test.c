// SPDX-License-Identifier: Apache-2.0
/* tests/port/config_test.c - good configurations, and the exact sentence that
 * each bad one gets. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <cmocka.h>
#include "dataplane/app/config.h"

#define MAC1 "      mac: 02:53:50:00:00:01\n"
#define MAC2 "      mac: 02:53:50:00:00:02\n"
#define PORT(name, role, device, rest)                                      \
	"    - name: " name "\n      role: " role "\n      device: " device \
	"\n" rest
/* Ten lines; ports[1].mac would be line 10. */
#define ACCESS                                                         \
	"dataplane:\n  ports:\n" PORT("access0", "access", "net_tap0", \
				      MAC1 "      addresses: [10.1.0.1/24]\n")
#define TRUNK                               \
	PORT("trunk0", "trunk", "net_tap1", \
	     MAC2 "      addresses: [10.2.0.1/24]\n")
#define ONE(key_line) "dataplane:\n" key_line "  ports:\n" TRUNK

static char path[] = "/tmp/config_testXXXXXX";

static void write_file(const char *text, size_t len)
{
	FILE *f = fopen(path, "w");

	assert_non_null(f);
	assert_int_equal(fwrite(text, 1, len, f), len);
	assert_int_equal(fclose(f), 0);
}

static int load(struct config *c, const char *text, char err[CONF_ERROR_MAX])
{
	write_file(text, strlen(text));
	return config_load(c, path, err);
}

static void takes_defaults(void **state)
{
	char err[CONF_ERROR_MAX];
	struct config c;

	(void)state;
	if (load(&c, ACCESS TRUNK "control:\n  anything: [at, all]\n", err))
		fail_msg("%s", err);
	assert_string_equal(c.socket, "/run/sallyport/dataplane.sock");
	assert_null(c.group);
	assert_string_equal(c.file_prefix, "sallyport");
	assert_int_equal(c.cpus, 2);
	assert_int_equal(c.cpu[0], 0);
	assert_int_equal(c.cpu[1], 1);
	assert_int_equal(c.memory, 512);
	assert_int_equal(c.hugepages, HUGEPAGES_AUTO);
	assert_int_equal(c.rest, REST_AUTO);
	assert_int_equal(c.rx_burst, 32);
	assert_int_equal(c.udp_first, 20000);
	assert_int_equal(c.udp_last, 29999);
	assert_int_equal(c.transports, 20000);
	assert_int_equal(c.streams, 40000);
	assert_int_equal(c.replay_window, 128);
	assert_int_equal(c.ports, 2);
	assert_string_equal(c.port[1].companion, "trunk0");
	assert_int_equal(c.port[1].mtu, 1500);
	assert_int_equal(c.port[1].vlan, 0);
	assert_int_equal(c.port[1].too_big, TOO_BIG_ICMP);
	assert_null(c.port[1].args);
	config_free(&c);
}

static void takes_everything(void **state)
{
	static const uint8_t six[16] = {0x20, 0x01, 0x0d, 0xb8, [15] = 1};
	char err[CONF_ERROR_MAX];
	struct config c;

	(void)state;
	if (load(&c,
		 "control: {}\n"
		 "dataplane:\n"
		 "  socket: /tmp/s\n  group: sallyport\n  file_prefix: x\n"
		 "  lcores: 3,5-7\n  memory: 64\n  hugepages: never\n"
		 "  rest: power\n  rx_burst: 4\n  media_ports: 1024-65535\n"
		 "  transports: 4\n  streams: 6\n  replay_window: 1024\n"
		 "  ports:\n" PORT("a", "access", "0000:03:00.1",
				   "      mtu: 1400\n"
				   "      vlan: 4094\n"
				   "      queues: 3\n"
				   "      too_big: fragment\n"
				   "      args: x=1\n"
				   "      companion: sp-a\n"
				   "      addresses:\n"
				   "        - 2001:db8::1/64\n"
				   "        - 10.1.0.1/31\n"),
		 err))
		fail_msg("%s", err);
	assert_string_equal(c.socket, "/tmp/s");
	assert_string_equal(c.group, "sallyport");
	assert_string_equal(c.file_prefix, "x");
	assert_int_equal(c.cpus, 4);
	assert_int_equal(c.cpu[3], 7);
	assert_int_equal(c.memory, 64);
	assert_int_equal(c.hugepages, HUGEPAGES_NEVER);
	assert_int_equal(c.rest, REST_POWER);
	assert_int_equal(c.rx_burst, 4);
	assert_int_equal(c.udp_first, 1024);
	assert_int_equal(c.udp_last, 65535);
	assert_int_equal(c.transports, 4);
	assert_int_equal(c.streams, 6);
	assert_int_equal(c.replay_window, 1024);
	assert_int_equal(c.port[0].mtu, 1400);
	assert_int_equal(c.port[0].vlan, 4094);
	assert_int_equal(c.port[0].queues, 3);
	assert_int_equal(c.port[0].too_big, TOO_BIG_FRAGMENT);
	assert_string_equal(c.port[0].args, "x=1");
	assert_string_equal(c.port[0].companion, "sp-a");
	assert_true(rte_is_zero_ether_addr(&c.port[0].mac));
	assert_int_equal(c.port[0].addresses_count, 2);
	assert_int_equal(c.port[0].addresses[0].family, 6);
	assert_int_equal(c.port[0].addresses[0].prefix, 64);
	assert_memory_equal(c.port[0].addresses[0].addr, six, 16);
	assert_int_equal(c.port[0].addresses[1].family, 4);
	assert_int_equal(c.port[0].addresses[1].prefix, 31);
	config_free(&c);
}

static void takes_the_example(void **state)
{
	char err[CONF_ERROR_MAX];
	struct config c;

	(void)state;
	if (config_load(&c, "scripts/sallyport.example.yaml", err))
		fail_msg("%s", err);
	assert_int_equal(c.ports, 2);
	config_free(&c);
}

/* What is wrong, and what is said after the file's name. */
struct bad {
	const char *text, *says;
};

#define PORTS_EXPECTED                                                         \
	"dataplane.media_ports: expected UDP ports such as 20000-29999, from " \
	"1024 on, first even, last odd, found "
#define LCORES_EXPECTED                                                     \
	"dataplane.lcores: expected CPUs such as 0,1 or 0,2-5, each once: " \
	"the main lcore, then workers, found "
#define ADDRESS_EXPECTED                                                       \
	"dataplane.ports[0].addresses[0]: expected a host's address with its " \
	"prefix length, such as 10.1.0.1/24 or 2001:db8:1::1/64, found "
#define MAC_EXPECTED                                                      \
	"dataplane.ports[0].mac: expected a unicast MAC address such as " \
	"02:53:50:00:00:01, found "
#define ADDRESS(a)                                               \
	"dataplane:\n  ports:\n" PORT("a", "access", "net_tap0", \
				      MAC1 "      addresses: [" a "]\n")
#define WITH_MAC(mac)                                            \
	"dataplane:\n  ports:\n" PORT("a", "access", "net_tap0", \
				      "      mac: " mac          \
				      "\n      addresses: [10.1.0.1/24]\n")

static const struct bad bad_form[] = {
	{"", ", line 1: expected a section \"dataplane:\", found none."},
	{"control: {}\n",
	 ", line 1: expected a section \"dataplane:\", found none."},
	{"dataplane:\n",
	 ", line 1: dataplane: expected fields such as socket, found nothing."},
	{"dataplane: [1]\n",
	 ", line 1: dataplane: expected fields such as socket, found a list."},
	{"dataplane:\n  memory: 64\n",
	 ", line 2: dataplane: expected the field \"ports\" too."},
	{"dataplane:\n\tmemory: 64\n",
	 ", line 2: expected YAML, but found character that cannot start any "
	 "token while scanning for the next token."},
	{"dataplane:\n  memory: 64\n  ports: [\n",
	 ", line 4: expected YAML, but did not find expected node content "
	 "while parsing a flow node."},
	{ONE("  memory: 64\n  memory: 65\n"),
	 ", line 3: dataplane.memory: expected it once, found it again."},
	{ONE("  memori: 64\n"),
	 ", line 2: dataplane: expected socket, group, divert, divert_group, divert_slots, file_prefix, lcores, "
	 "memory, hugepages, rest, rx_burst, media_ports, transports, streams, "
	 "replay_window or ports, found the field \"memori\"."},
	{ACCESS "      macc: 1\n",
	 ", line 8: dataplane.ports[0]: expected name, role, device, args, "
	 "companion, mac, mtu, vlan, queues, too_big or addresses, found the field \"macc\"."},
	{"dataplane:\n  ports: []\n",
	 ", line 2: dataplane.ports: expected a list of 1 to 8, found another "
	 "number of them."},
	{"dataplane:\n  ports: 7\n",
	 ", line 2: dataplane.ports: expected a list of 1 to 8, found \"7\"."},
	{ACCESS "    - name: x\n      role: trunk\n",
	 ", line 8: dataplane.ports[1]: expected the field \"device\" too."},
};

static const struct bad bad_value[] = {
	{ONE("  socket: dataplane.sock\n"),
	 ", line 2: dataplane.socket: expected a path that starts with / and "
	 "has at most 107 characters, found \"dataplane.sock\"."},
	{ONE("  socket: [/a]\n"),
	 ", line 2: dataplane.socket: expected a path that starts with / and "
	 "has at most 107 characters, found a list."},
	{ONE("  memory: 63\n"), ", line 2: dataplane.memory: expected MiB from "
				"64 to 1048576, found \"63\"."},
	{ONE("  memory: -64\n"), ", line 2: dataplane.memory: expected MiB "
				 "from 64 to 1048576, found \"-64\"."},
	{ONE("  memory: 64M\n"), ", line 2: dataplane.memory: expected MiB "
				 "from 64 to 1048576, found \"64M\"."},
	{ONE("  memory: 99999999999999999999\n"),
	 ", line 2: dataplane.memory: expected MiB from 64 to 1048576, found "
	 "\"99999999999999999999\"."},
	{ONE("  memory:\n"), ", line 2: dataplane.memory: expected MiB from "
			     "64 to 1048576, found nothing."},
	{ONE("  rest: sometimes\n"),
	 ", line 2: dataplane.rest: expected auto, always, never or power, found "
	 "\"sometimes\"."},
	{ONE("  replay_window: 32\n"),
	 ", line 2: dataplane.replay_window: expected packets from 64 to 1024, "
	 "found \"32\"."},
	{ONE("  media_ports: 20001-29999\n"),
	 ", line 2: " PORTS_EXPECTED "\"20001-29999\"."},
	{ONE("  media_ports: 20000-29998\n"),
	 ", line 2: " PORTS_EXPECTED "\"20000-29998\"."},
	{ONE("  media_ports: 29999-20000\n"),
	 ", line 2: " PORTS_EXPECTED "\"29999-20000\"."},
	{ONE("  media_ports: 20000-79999\n"),
	 ", line 2: " PORTS_EXPECTED "\"20000-79999\"."},
	{ONE("  media_ports: 1022-2047\n"),
	 ", line 2: " PORTS_EXPECTED "\"1022-2047\"."},
	{ONE("  media_ports: 20000\n"),
	 ", line 2: " PORTS_EXPECTED "\"20000\"."},
	{ONE("  lcores: 0,0\n"), ", line 2: " LCORES_EXPECTED "\"0,0\"."},
	{ONE("  lcores: 2-1\n"), ", line 2: " LCORES_EXPECTED "\"2-1\"."},
	{ONE("  lcores: 0,\n"), ", line 2: " LCORES_EXPECTED "\"0,\"."},
	{ONE("  lcores: all\n"), ", line 2: " LCORES_EXPECTED "\"all\"."},
	{ONE("  lcores: 0-1000\n"), ", line 2: " LCORES_EXPECTED "\"0-1000\"."},
	{WITH_MAC("02:53:50"), ", line 6: " MAC_EXPECTED "\"02:53:50\"."},
	{WITH_MAC("03:53:50:00:00:01"),
	 ", line 6: " MAC_EXPECTED "\"03:53:50:00:00:01\"."},
	{WITH_MAC("00:00:00:00:00:00"),
	 ", line 6: " MAC_EXPECTED "\"00:00:00:00:00:00\"."},
	{WITH_MAC("02:53:50:00:00:0g"),
	 ", line 6: " MAC_EXPECTED "\"02:53:50:00:00:0g\"."},
	{ADDRESS("10.1.0.1"), ", line 7: " ADDRESS_EXPECTED "\"10.1.0.1\"."},
	{ADDRESS("10.1.0.1/33"),
	 ", line 7: " ADDRESS_EXPECTED "\"10.1.0.1/33\"."},
	{ADDRESS("10.1.0.1/0"),
	 ", line 7: " ADDRESS_EXPECTED "\"10.1.0.1/0\"."},
	{ADDRESS("10.1.0.256/24"),
	 ", line 7: " ADDRESS_EXPECTED "\"10.1.0.256/24\"."},
	{ADDRESS("224.0.0.1/24"),
	 ", line 7: " ADDRESS_EXPECTED "\"224.0.0.1/24\"."},
	{ADDRESS("\"fe80::1/64\""),
	 ", line 7: " ADDRESS_EXPECTED "\"fe80::1/64\"."},
	{ADDRESS("\"2001:db8::1/129\""),
	 ", line 7: " ADDRESS_EXPECTED "\"2001:db8::1/129\"."},
	{"dataplane:\n  ports:\n" PORT("a", "uplink", "net_tap0", ""),
	 ", line 4: dataplane.ports[0].role: expected access or trunk, found "
	 "\"uplink\"."},
	{"dataplane:\n  ports:\n" PORT("a", "trunk", "eth0", ""),
	 ", line 5: dataplane.ports[0].device: expected a PCI address such as "
	 "0000:03:00.0, or a virtual device such as net_tap0, net_af_packet0, "
	 "net_af_xdp0 or net_memif0, found \"eth0\"."},
	{"dataplane:\n  ports:\n" PORT("a name", "trunk", "net_tap0", ""),
	 ", line 3: dataplane.ports[0].name: expected a name of at most 15 "
	 "letters, digits, - and _, found \"a name\"."},
	{"dataplane:\n  ports:\n" PORT("a", "trunk", "net_tap0",
				       "      companion: longer-than-15ch\n"),
	 ", line 6: dataplane.ports[0].companion: expected an interface name "
	 "of at most 15 characters, found \"longer-than-15ch\"."},
	{"dataplane:\n  ports:\n" PORT("a", "trunk", "net_tap0",
				       "      mtu: 9000\n"),
	 ", line 6: dataplane.ports[0].mtu: expected octets from 576 to 2000, "
	 "found \"9000\"."},
	{"dataplane:\n  ports:\n" PORT("a", "trunk", "net_tap0",
				       "      vlan: 4095\n"),
	 ", line 6: dataplane.ports[0].vlan: expected a VLAN from 1 to 4094, "
	 "found \"4095\"."},
};

/* Each field right by itself. */
static const struct bad bad_together[] = {
	{ACCESS PORT("access0", "trunk", "net_tap1",
		     MAC2 "      addresses: [10.2.0.1/24]\n"),
	 ", line 8: dataplane.ports[1].name: expected a name that no other "
	 "port has, found \"access0\" again."},
	{ACCESS PORT("trunk0", "trunk", "net_tap0",
		     MAC2 "      addresses: [10.2.0.1/24]\n"),
	 ", line 10: dataplane.ports[1].device: expected a device of its own, "
	 "but net_tap0 is access0's."},
	{ACCESS PORT("trunk0", "trunk", "net_tap1",
		     MAC1 "      addresses: [10.2.0.1/24]\n"),
	 ", line 11: dataplane.ports[1].mac: expected a MAC address that no "
	 "other port has, found access0's."},
	{ACCESS PORT("trunk0", "trunk", "net_tap1",
		     MAC2 "      companion: access0\n"
			  "      addresses: [10.2.0.1/24]\n"),
	 ", line 12: dataplane.ports[1].companion: expected an interface of "
	 "its own, but access0 is access0's."},
	{ACCESS PORT("trunk0", "trunk", "net_tap1",
		     MAC2 "      addresses: [10.2.0.1/24, 10.1.7.1/16]\n"),
	 ", line 12: dataplane.ports[1].addresses[1]: expected an address "
	 "outside the network that access0 has with 10.1.0.1/24."},
	{ADDRESS("10.1.0.1/24, 10.1.0.1/24"),
	 ", line 7: dataplane.ports[0].addresses[1]: expected an address "
	 "outside the network that a has with 10.1.0.1/24."},
	{"dataplane:\n  ports:\n" PORT("a", "trunk", "net_tap0",
				       "      addresses: [10.1.0.1/24]\n"),
	 ", line 3: dataplane.ports[0].mac: expected a MAC address for the "
	 "gateway, since net_tap0's own is its other end's."},
	{"dataplane:\n  ports:\n" PORT(
		 "a", "trunk", "net_tap0",
		 MAC1 "      mtu: 1000\n"
		      "      addresses: [\"2001:db8::1/64\"]\n"),
	 ", line 7: dataplane.ports[0].mtu: expected at least 1280 for IPv6 "
	 "(RFC 8200), found 1000."},
};

static void refuse_each(const struct bad *b, size_t n)
{
	char err[CONF_ERROR_MAX], expected[CONF_ERROR_MAX * 2];
	struct config c;

	for (size_t i = 0; i < n; i++) {
		snprintf(expected, sizeof(expected), "%s%s", path, b[i].says);
		if (!load(&c, b[i].text, err))
			fail_msg("accepted, expected: %s", expected);
		assert_string_equal(err, expected);
	}
}

#define COUNT(a) (sizeof(a) / sizeof((a)[0]))

static void refuses_bad_form(void **state)
{
	(void)state;
	refuse_each(bad_form, COUNT(bad_form));
}

static void refuses_bad_values(void **state)
{
	(void)state;
	refuse_each(bad_value, COUNT(bad_value));
}

static void refuses_contradictions(void **state)
{
	(void)state;
	refuse_each(bad_together, COUNT(bad_together));
}

static void allows_two_hosts_of_one_network_on_a_port(void **state)
{
	char err[CONF_ERROR_MAX];
	struct config c;

	(void)state;
	if (load(&c, ADDRESS("10.1.0.1/24, 10.1.0.2/24"), err))
		fail_msg("%s", err);
	config_free(&c);
}

static void names_a_file_that_is_not_there(void **state)
{
	char err[CONF_ERROR_MAX];
	struct config c;

	(void)state;
	assert_int_equal(config_load(&c, "/nowhere/at.all", err), -1);
	assert_string_equal(err, "/nowhere/at.all: cannot be read: No such "
				 "file or directory.");
	assert_int_equal(config_load(&c, "/", err), -1);
	assert_string_equal(err, "/: cannot be read: Is a directory.");
}

static void survives_odd_files(void **state)
{
	static const struct {
		const char *text;
		size_t len;
	} odd[] = {
		{"dataplane:\n  socket: \"/a\\0b\"\n  ports: []\n",
		 sizeof("dataplane:\n  socket: \"/a\\0b\"\n  ports: []\n") - 1},
		{"\0\0\0", sizeof("\0\0\0") - 1},
		{"dataplane: &a [*a]\n", sizeof("dataplane: &a [*a]\n") - 1},
		{"dataplane: &a {ports: *a}\n",
		 sizeof("dataplane: &a {ports: *a}\n") - 1},
		{"dataplane: *nowhere\n", sizeof("dataplane: *nowhere\n") - 1},
		{"? [a]\n: b\ndataplane: {? [a] : b}\n",
		 sizeof("? [a]\n: b\ndataplane: {? [a] : b}\n") - 1},
		{"dataplane: {ports: [{}]}\n---\ndataplane: {}\n",
		 sizeof("dataplane: {ports: [{}]}\n---\ndataplane: {}\n") - 1},
	};
	char err[CONF_ERROR_MAX];
	struct config c;

	(void)state;
	for (size_t i = 0; i < COUNT(odd); i++) {
		write_file(odd[i].text, odd[i].len);
		assert_int_equal(config_load(&c, path, err), -1);
		assert_non_null(strstr(err, "expected "));
	}
}

/* Forty lists of ten, each of the one before: ten to the fortieth. */
static void refuses_what_aliases_make_large(void **state)
{
	char text[4096] = "l0: &l0 [x]\n", err[CONF_ERROR_MAX];
	size_t len = strlen(text);
	struct config c;

	(void)state;
	for (int i = 1; i <= 40; i++) {
		len += (size_t)sprintf(text + len, "l%d: &l%d [", i, i);
		for (int k = 0; k < 10; k++)
			len += (size_t)sprintf(text + len, "%s*l%d",
					       k ? "," : "", i - 1);
		len += (size_t)sprintf(text + len, "]\n");
	}
	write_file(text, len);
	assert_int_equal(config_load(&c, path, err), -1);
	assert_non_null(strstr(err, "of reasonable size"));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(takes_defaults),
		cmocka_unit_test(takes_everything),
		cmocka_unit_test(takes_the_example),
		cmocka_unit_test(refuses_bad_form),
		cmocka_unit_test(refuses_bad_values),
		cmocka_unit_test(refuses_contradictions),
		cmocka_unit_test(allows_two_hosts_of_one_network_on_a_port),
		cmocka_unit_test(names_a_file_that_is_not_there),
		cmocka_unit_test(survives_odd_files),
		cmocka_unit_test(refuses_what_aliases_make_large),
	};
	int fd = mkstemp(path);
	int rc;

	if (fd < 0)
		return 1;
	close(fd);
	rc = cmocka_run_group_tests(tests, NULL, NULL);
	unlink(path);
	return rc;
}
