/* SPDX-License-Identifier: Apache-2.0 */
#include "control/ng/listen.h"
#include <arpa/inet.h>
#include <stdlib.h>
#include <string.h>
#include "control/sip/addr.h"

static const char *const transports[] = {
	[NG_UDP] = "udp:",
	[NG_TCP] = "tcp:",
	[NG_HTTP] = "http:",
};

bool ng_listen_parse(struct ng_listen *l, const char *text)
{
	for (size_t i = 0; i < ARRAY_SIZE(transports); i++) {
		size_t n = strlen(transports[i]);

		if (strncmp(text, transports[i], n))
			continue;
		l->tp = (enum ng_transport)i;
		return sip_addr_parse(&l->addr, text + n);
	}
	return false;
}

bool ng_addr_parse(struct sp_addr *a, const char *p, size_t len)
{
	char text[INET6_ADDRSTRLEN];

	memset(a, 0, sizeof(*a));
	if (len == 0 || len >= sizeof(text))
		return false;
	memcpy(text, p, len);
	text[len] = '\0';
	a->family = strchr(text, ':') ? 6 : 4;
	a->prefix = a->family == 6 ? 128 : 32;
	return inet_pton(a->family == 6 ? AF_INET6 : AF_INET, text, a->addr) ==
	       1;
}

bool ng_network_parse(struct ng_network *n, const char *text)
{
	const char *slash = strchr(text, '/');
	size_t len = slash ? (size_t)(slash - text) : strlen(text);
	char *end;
	long bits;

	if (!ng_addr_parse(&n->addr, text, len))
		return false;
	if (!slash)
		return true;
	bits = strtol(slash + 1, &end, 10);
	if (slash[1] < '0' || slash[1] > '9' || *end || bits > n->addr.prefix)
		return false;
	n->addr.prefix = (uint8_t)bits;
	return true;
}

bool ng_network_has(const struct ng_network *n, const struct sa *sa)
{
	struct sp_addr a = sip_addr_media(sa);
	unsigned whole = n->addr.prefix / 8, rest = n->addr.prefix % 8;
	uint8_t mask = (uint8_t)(0xff00 >> rest);

	return a.family == n->addr.family &&
	       memcmp(a.addr, n->addr.addr, whole) == 0 &&
	       (!rest || ((a.addr[whole] ^ n->addr.addr[whole]) & mask) == 0);
}

bool ng_interface_parse(struct ng_interface *i, const char *text)
{
	const char *slash = strchr(text, '/');
	size_t n = slash ? (size_t)(slash - text) : 0;

	if (n == 0 || n >= sizeof(i->name))
		return false;
	memcpy(i->name, text, n);
	i->name[n] = '\0';
	return ng_addr_parse(&i->addr, slash + 1, strlen(slash + 1));
}
