// SPDX-License-Identifier: Apache-2.0
/* dataplane/app/config.c - see config.h. What one field may hold is in the
 * tables; what fields may not hold together is checked below them. */
#include <arpa/inet.h>
#include <ctype.h>
#include <net/if.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <rte_common.h>
#include "dataplane/abi/divert.h"
#include "dataplane/app/config.h"
#include "dataplane/app/divert_socket.h"
#include "dataplane/stage/stage.h"

#define CPU_MAX 1023

/* The section as the file has it. */
struct raw_port {
	char *name, *role, *device, *args, *companion, *mac;
	char **addresses;
	unsigned addresses_count, too_big;
	uint16_t mtu, vlan, queues;
};

struct raw {
	char *socket, *group, *divert, *divert_group, *file_prefix, *lcores,
		*media_ports;
	unsigned memory, hugepages, rest, rx_burst, divert_slots;
	unsigned transports, streams, replay_window;
	struct raw_port *ports;
	unsigned ports_count;
};

/* What a field's text means. */

static bool is_word(const char *s)
{
	size_t n = strspn(s, "abcdefghijklmnopqrstuvwxyz"
			     "ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_-.");

	return n && !s[n] && s[0] != '.' && s[0] != '-';
}

static bool is_role(const char *s)
{
	return !strcmp(s, "access") || !strcmp(s, "trunk");
}

bool config_is_pci(const char *device)
{
	unsigned domain, bus, slot, function;
	int end = 0;

	if (sscanf(device, "%4x:%2x:%2x.%1x%n", &domain, &bus, &slot, &function,
		   &end) != 4)
		return false;
	return !device[end] && slot < 32 && function < 8;
}

static bool is_device(const char *s)
{
	static const char *const drivers[] = {
		"net_tap",  "net_af_packet", "net_af_xdp", "net_memif",
		"net_ring", "net_pcap",	     "net_null",   "net_virtio_user",
	};

	if (config_is_pci(s))
		return true;
	for (unsigned i = 0; i < sizeof(drivers) / sizeof(drivers[0]); i++)
		if (!strncmp(s, drivers[i], strlen(drivers[i])) && is_word(s))
			return true;
	return false;
}

static bool parse_mac(const char *s, struct rte_ether_addr *mac)
{
	uint8_t *b = mac->addr_bytes;
	int end = 0;

	if (strlen(s) != 17 ||
	    sscanf(s, "%2hhx:%2hhx:%2hhx:%2hhx:%2hhx:%2hhx%n", &b[0], &b[1],
		   &b[2], &b[3], &b[4], &b[5], &end) != 6)
		return false;
	return end == 17 && !(b[0] & 1) && !rte_is_zero_ether_addr(mac);
}

static bool is_mac(const char *s)
{
	struct rte_ether_addr mac = {0};

	return parse_mac(s, &mac);
}

/** Addresses that one host of a network may have, and media may come to. */
static bool is_host(const struct sp_addr *a)
{
	struct in6_addr six;

	if (a->family == 4)
		return a->addr[0] != 0 && a->addr[0] != 127 && a->addr[0] < 224;
	memcpy(&six, a->addr, sizeof(six));
	return !IN6_IS_ADDR_UNSPECIFIED(&six) && !IN6_IS_ADDR_LOOPBACK(&six) &&
	       !IN6_IS_ADDR_MULTICAST(&six) && !IN6_IS_ADDR_V4MAPPED(&six) &&
	       !IN6_IS_ADDR_LINKLOCAL(&six);
}

static bool parse_address(const char *s, struct sp_addr *a)
{
	char text[INET6_ADDRSTRLEN];
	const char *slash = strchr(s, '/');
	unsigned long prefix;
	char *end;

	if (!slash || (size_t)(slash - s) >= sizeof(text) || !isdigit(slash[1]))
		return false;
	memcpy(text, s, (size_t)(slash - s));
	text[slash - s] = '\0';
	prefix = strtoul(slash + 1, &end, 10);
	memset(a, 0, sizeof(*a));
	if (inet_pton(AF_INET, text, a->addr) == 1)
		a->family = 4;
	else if (inet_pton(AF_INET6, text, a->addr) == 1)
		a->family = 6;
	a->prefix = (uint8_t)prefix;
	return a->family && !*end && prefix >= 1 &&
	       prefix <= (a->family == 4 ? 32 : 128) && is_host(a);
}

static bool is_address(const char *s)
{
	struct sp_addr a;

	return parse_address(s, &a);
}

static bool parse_media_ports(const char *s, uint16_t *first, uint16_t *last)
{
	unsigned f, l;
	int end = 0;

	if (strspn(s, "0123456789-") != strlen(s) ||
	    sscanf(s, "%5u-%5u%n", &f, &l, &end) != 2 || s[end])
		return false;
	*first = (uint16_t)f;
	*last = (uint16_t)l;
	return f >= 1024 && l <= 65535 && f < l && !(f & 1) && (l & 1);
}

static bool is_media_ports(const char *s)
{
	uint16_t first, last;

	return parse_media_ports(s, &first, &last);
}

/** "0,2-4" to 0, 2, 3, 4. @return how many; 0: wrong, twice, or too many. */
static unsigned parse_cpus(const char *s, uint16_t cpu[], unsigned max)
{
	unsigned n = 0;

	for (;;) {
		unsigned long from, to;
		char *end;

		if (!isdigit(*s))
			return 0;
		from = to = strtoul(s, &end, 10);
		if (*end == '-' && isdigit(end[1]))
			to = strtoul(end + 1, &end, 10);
		if (from > to || to > CPU_MAX)
			return 0;
		for (; from <= to; from++) {
			for (unsigned i = 0; i < n; i++)
				if (cpu[i] == from)
					return 0;
			if (n == max)
				return 0;
			cpu[n++] = (uint16_t)from;
		}
		if (!*end)
			return n;
		if (*end != ',')
			return 0;
		s = end + 1;
	}
}

static bool is_cpus(const char *s)
{
	uint16_t cpu[SP_WORKER_MAX + 1];

	return parse_cpus(s, cpu, SP_WORKER_MAX + 1) > 0;
}

/* The options. Those without a default must be given. */

#define OPTIONAL (CYAML_FLAG_OPTIONAL)
#define TEXT_MAX 255

#define DEFAULT_SOCKET	      "/run/sallyport/dataplane.sock"
#define DEFAULT_PREFIX	      "sallyport"
#define DEFAULT_LCORES	      "0,1"
#define DEFAULT_MEDIA_PORTS   "20000-29999"
#define DEFAULT_MEMORY	      512
#define DEFAULT_TRANSPORTS    20000
#define DEFAULT_REPLAY_WINDOW 128
#define DEFAULT_MTU	      1500

static const cyaml_strval_t hugepages_words[] = {
	{"auto", HUGEPAGES_AUTO},
	{"always", HUGEPAGES_ALWAYS},
	{"never", HUGEPAGES_NEVER},
};

static const cyaml_strval_t rest_words[] = {
	{"auto", REST_AUTO},
	{"always", REST_ALWAYS},
	{"never", REST_NEVER},
	{"power", REST_POWER},
};

static const cyaml_strval_t too_big_words[] = {
	{"icmp", TOO_BIG_ICMP},
	{"fragment", TOO_BIG_FRAGMENT},
	{"drop", TOO_BIG_DROP},
};

static const cyaml_schema_value_t address_schema = {
	CYAML_VALUE_STRING(CYAML_FLAG_POINTER, char *, 1, TEXT_MAX),
};

#define TEXT(key, flags, type, member)                                  \
	CYAML_FIELD_STRING_PTR(key, CYAML_FLAG_POINTER | (flags), type, \
			       member, 1, TEXT_MAX)
#define NUMBER(key, type, member) CYAML_FIELD_UINT(key, OPTIONAL, type, member)
#define WORD(key, type, member, words)                                    \
	CYAML_FIELD_ENUM(key, OPTIONAL | CYAML_FLAG_STRICT, type, member, \
			 words, CYAML_ARRAY_LEN(words))

static const cyaml_schema_field_t port_fields[] = {
	TEXT("name", 0, struct raw_port, name),
	TEXT("role", 0, struct raw_port, role),
	TEXT("device", 0, struct raw_port, device),
	TEXT("args", OPTIONAL, struct raw_port, args),
	TEXT("companion", OPTIONAL, struct raw_port, companion),
	TEXT("mac", OPTIONAL, struct raw_port, mac),
	NUMBER("mtu", struct raw_port, mtu),
	NUMBER("vlan", struct raw_port, vlan),
	NUMBER("queues", struct raw_port, queues),
	WORD("too_big", struct raw_port, too_big, too_big_words),
	CYAML_FIELD_SEQUENCE("addresses", CYAML_FLAG_POINTER, struct raw_port,
			     addresses, &address_schema, 1, SP_MEDIA_ADDR_MAX),
	CYAML_FIELD_END,
};

static const cyaml_schema_value_t port_schema = {
	CYAML_VALUE_MAPPING(CYAML_FLAG_DEFAULT, struct raw_port, port_fields),
};

static const cyaml_schema_field_t fields[] = {
	TEXT("socket", OPTIONAL, struct raw, socket),
	TEXT("group", OPTIONAL, struct raw, group),
	TEXT("divert", OPTIONAL, struct raw, divert),
	TEXT("divert_group", OPTIONAL, struct raw, divert_group),
	NUMBER("divert_slots", struct raw, divert_slots),
	TEXT("file_prefix", OPTIONAL, struct raw, file_prefix),
	TEXT("lcores", OPTIONAL, struct raw, lcores),
	NUMBER("memory", struct raw, memory),
	WORD("hugepages", struct raw, hugepages, hugepages_words),
	WORD("rest", struct raw, rest, rest_words),
	NUMBER("rx_burst", struct raw, rx_burst),
	TEXT("media_ports", OPTIONAL, struct raw, media_ports),
	NUMBER("transports", struct raw, transports),
	NUMBER("streams", struct raw, streams),
	NUMBER("replay_window", struct raw, replay_window),
	CYAML_FIELD_SEQUENCE("ports", CYAML_FLAG_POINTER, struct raw, ports,
			     &port_schema, 1, PORT_MAX),
	CYAML_FIELD_END,
};

static const cyaml_schema_value_t schema = {
	CYAML_VALUE_MAPPING(CYAML_FLAG_POINTER, struct raw, fields),
};

static bool is_interface(const char *s)
{
	return is_word(s) && strlen(s) < IFNAMSIZ;
}

static bool is_port_name(const char *s)
{
	return is_word(s) && strlen(s) < SP_PORT_NAME_MAX;
}

static const struct conf_rule rules[] = {
	{"socket", "a path that starts with / and has at most 107 characters",
	 .ok = conf_is_socket},
	{"group", "the name of a group", .ok = is_word},
	{"divert", "a path that starts with / and has at most 107 characters",
	 .ok = conf_is_socket},
	{"divert_group", "the name of a group", .ok = is_word},
	{"divert_slots", "a number from 64 to 65536", .min = DIVERT_SLOTS_MIN,
	 .max = DIVERT_SLOTS_MAX},
	{"file_prefix", "a name of letters, digits, - and _", .ok = is_word},
	{"lcores",
	 "CPUs such as 0,1 or 0,2-5, each once: the main lcore, then workers",
	 .ok = is_cpus},
	{"memory", "MiB from 64 to 1048576", .min = 64, .max = 1048576},
	{"rx_burst", "packets from 4 to 32", .min = 4, .max = BURST},
	{"media_ports",
	 "UDP ports such as 20000-29999, from 1024 on, first even, last odd",
	 .ok = is_media_ports},
	{"transports", "a number from 2 to 1000000", .min = 2, .max = 1000000},
	{"streams", "a number from 2 to 2000000", .min = 2, .max = 2000000},
	{"replay_window", "packets from 64 to 1024", .min = 64, .max = 1024},
	{"ports[].name", "a name of at most 15 letters, digits, - and _",
	 .ok = is_port_name},
	{"ports[].role", "access or trunk", .ok = is_role},
	{"ports[].device",
	 "a PCI address such as 0000:03:00.0, or a virtual device such as "
	 "net_tap0, net_af_packet0, net_af_xdp0 or net_memif0",
	 .ok = is_device},
	{"ports[].companion", "an interface name of at most 15 characters",
	 .ok = is_interface},
	{"ports[].mac", "a unicast MAC address such as 02:53:50:00:00:01",
	 .ok = is_mac},
	{"ports[].mtu", "octets from 576 to 2000", .min = 576, .max = 2000},
	{"ports[].queues", "a number from 1 to 64", .min = 1,
	 .max = SP_WORKER_MAX},
	{"ports[].vlan", "a VLAN from 1 to 4094", .min = 1, .max = 4094},
	{"ports[].addresses[]",
	 "a host's address with its prefix length, such as 10.1.0.1/24 or "
	 "2001:db8:1::1/64",
	 .ok = is_address},
	{.field = NULL},
};

/* From the file's form to ours. */

static char *copy(const char *s)
{
	return s ? strdup(s) : NULL;
}

static int take_port(struct port_config *p, const struct raw_port *r)
{
	snprintf(p->name, sizeof(p->name), "%s", r->name);
	snprintf(p->role, sizeof(p->role), "%s", r->role);
	p->device = copy(r->device);
	p->args = copy(r->args);
	p->companion = copy(r->companion ? r->companion : r->name);
	p->mtu = r->mtu ? r->mtu : DEFAULT_MTU;
	p->vlan = r->vlan;
	p->queues = r->queues;
	p->too_big = (enum too_big)r->too_big;
	if (r->mac)
		parse_mac(r->mac, &p->mac);
	p->addresses = calloc(r->addresses_count, sizeof(*p->addresses));
	if (!p->addresses || !p->device || !p->companion ||
	    (r->args && !p->args))
		return -1;
	p->addresses_count = r->addresses_count;
	for (unsigned i = 0; i < r->addresses_count; i++)
		parse_address(r->addresses[i], &p->addresses[i]);
	return 0;
}

static int take(struct config *c, const struct raw *r)
{
	c->socket = copy(r->socket ? r->socket : DEFAULT_SOCKET);
	c->group = copy(r->group);
	c->file_prefix = copy(r->file_prefix ? r->file_prefix : DEFAULT_PREFIX);
	c->divert = copy(r->divert);
	c->divert_group = copy(r->divert_group);
	if (!c->socket || !c->file_prefix || (r->group && !c->group) ||
	    (r->divert && !c->divert) || (r->divert_group && !c->divert_group))
		return -1;
	c->divert_slots = rte_align32pow2(
		r->divert_slots ? r->divert_slots : DIVERT_SLOTS_DEFAULT);
	c->cpus = parse_cpus(r->lcores ? r->lcores : DEFAULT_LCORES, c->cpu,
			     SP_WORKER_MAX + 1);
	parse_media_ports(r->media_ports ? r->media_ports : DEFAULT_MEDIA_PORTS,
			  &c->udp_first, &c->udp_last);
	c->memory = r->memory ? r->memory : DEFAULT_MEMORY;
	c->hugepages = (enum config_hugepages)r->hugepages;
	c->rest = (enum config_rest)r->rest;
	c->rx_burst = r->rx_burst ? r->rx_burst : BURST;
	c->transports = r->transports ? r->transports : DEFAULT_TRANSPORTS;
	c->streams = r->streams ? r->streams : 2 * c->transports;
	c->replay_window =
		r->replay_window ? r->replay_window : DEFAULT_REPLAY_WINDOW;
	for (; c->ports < r->ports_count; c->ports++)
		if (take_port(&c->port[c->ports], &r->ports[c->ports])) {
			c->ports++;
			return -1;
		}
	return 0;
}

/* What must hold between fields. */

struct cross {
	const struct config *c;
	const struct conf *file;
	char *err;
};

/** Name a field of a port, and what it should have been. */
__attribute__((format(printf, 4, 5))) static int wrong(const struct cross *x,
						       unsigned port,
						       const char *field,
						       const char *fmt, ...)
{
	char path[64], expected[CONF_ERROR_MAX / 2];
	va_list ap;

	snprintf(path, sizeof(path), "ports[%u].%s", port, field);
	va_start(ap, fmt);
	vsnprintf(expected, sizeof(expected), fmt, ap);
	va_end(ap);
	conf_fail(x->file, path, x->err, "%s.", expected);
	return -1;
}

static bool same_network(const struct sp_addr *a, const struct sp_addr *b)
{
	unsigned bits = a->prefix < b->prefix ? a->prefix : b->prefix;
	unsigned whole = bits / 8, rest = bits % 8;

	if (a->family != b->family || memcmp(a->addr, b->addr, whole))
		return false;
	return !rest || !((a->addr[whole] ^ b->addr[whole]) >> (8 - rest));
}

static int check_addresses(const struct cross *x, unsigned i, unsigned j)
{
	const struct port_config *p = &x->c->port[i], *q = &x->c->port[j];
	char field[32], text[INET6_ADDRSTRLEN];

	for (unsigned a = 0; a < p->addresses_count; a++)
		for (unsigned b = 0; b < (i == j ? a : q->addresses_count);
		     b++) {
			const struct sp_addr *pa = &p->addresses[a];
			const struct sp_addr *qb = &q->addresses[b];

			if (!same_network(pa, qb))
				continue;
			if (i == j &&
			    memcmp(pa->addr, qb->addr, sizeof(pa->addr)))
				continue; /* two hosts of one network */
			inet_ntop(qb->family == 4 ? AF_INET : AF_INET6,
				  qb->addr, text, sizeof(text));
			snprintf(field, sizeof(field), "addresses[%u]", a);
			return wrong(x, i, field,
				     "an address outside the network that %s "
				     "has with %s/%u",
				     q->name, text, qb->prefix);
		}
	return 0;
}

static int check_pair(const struct cross *x, unsigned i, unsigned j)
{
	const struct port_config *p = &x->c->port[i], *q = &x->c->port[j];

	if (!strcmp(p->name, q->name))
		return wrong(x, i, "name",
			     "a name that no other port has, found \"%s\" "
			     "again",
			     p->name);
	if (!strcmp(p->device, q->device))
		return wrong(x, i, "device",
			     "a device of its own, but %s is %s's", p->device,
			     q->name);
	if (!strcmp(p->companion, q->companion))
		return wrong(x, i, "companion",
			     "an interface of its own, but %s is %s's",
			     p->companion, q->name);
	if (!rte_is_zero_ether_addr(&p->mac) &&
	    rte_is_same_ether_addr(&p->mac, &q->mac))
		return wrong(x, i, "mac",
			     "a MAC address that no other port has, found "
			     "%s's",
			     q->name);
	return check_addresses(x, i, j);
}

static int check_port(const struct cross *x, unsigned i)
{
	const struct port_config *p = &x->c->port[i];

	/* The MAC address of net_tap's device is that of the kernel's end. */
	if (!strncmp(p->device, "net_tap", 7) &&
	    rte_is_zero_ether_addr(&p->mac))
		return wrong(x, i, "mac",
			     "a MAC address for the gateway, since %s's own "
			     "is its other end's",
			     p->device);
	for (unsigned a = 0; a < p->addresses_count; a++)
		if (p->addresses[a].family == 6 && p->mtu < 1280)
			return wrong(x, i, "mtu",
				     "at least 1280 for IPv6 (RFC 8200), "
				     "found %u",
				     p->mtu);
	return check_addresses(x, i, i);
}

static int check_all(const struct cross *x)
{
	unsigned addresses = 0;

	for (unsigned i = 0; i < x->c->ports; i++) {
		if (check_port(x, i))
			return -1;
		for (unsigned j = 0; j < i; j++)
			if (check_pair(x, i, j))
				return -1;
		addresses += x->c->port[i].addresses_count;
		if (addresses > SP_MEDIA_ADDR_MAX)
			return wrong(x, i, "addresses",
				     "no more than %u addresses on all ports "
				     "together, found %u",
				     SP_MEDIA_ADDR_MAX, addresses);
	}
	return 0;
}

int config_load(struct config *c, const char *path, char err[CONF_ERROR_MAX])
{
	struct conf *file = conf_open(path, err);
	struct cross x = {.c = c, .file = file, .err = err};
	struct raw *r = NULL;
	int rc = -1;

	memset(c, 0, sizeof(*c));
	if (!file)
		return -1;
	r = conf_load(file, "dataplane", &schema, rules, err);
	if (!r)
		goto out;
	if (take(c, r)) {
		snprintf(err, CONF_ERROR_MAX, "%s: no memory.", path);
		goto out;
	}
	rc = check_all(&x);
out:
	if (rc)
		config_free(c);
	conf_free(&schema, r);
	conf_close(file);
	return rc;
}

void config_free(struct config *c)
{
	for (unsigned i = 0; i < c->ports; i++) {
		free(c->port[i].device);
		free(c->port[i].args);
		free(c->port[i].companion);
		free(c->port[i].addresses);
	}
	free(c->socket);
	free(c->group);
	free(c->divert);
	free(c->divert_group);
	free(c->file_prefix);
	memset(c, 0, sizeof(*c));
}
