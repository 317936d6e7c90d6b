/* SPDX-License-Identifier: Apache-2.0 */
#include "control/sip/addr.h"
#include <netinet/in.h>
#include <stdlib.h>
#include <string.h>

/* RFC 7118 section 5.3: "ws" in a URI stands for both. */
static const struct {
	const char *name, *via, *param;
} transports[SIP_TPS] = {
	[SIP_UDP] = {"udp", "UDP", ""},
	[SIP_TCP] = {"tcp", "TCP", ";transport=tcp"},
	[SIP_TLS] = {"tls", "TLS", ";transport=tls"},
	[SIP_WS] = {"ws", "WS", ";transport=ws"},
	[SIP_WSS] = {"wss", "WSS", ";transport=ws"},
};

const char *sip_tp_name(enum sip_tp tp)
{
	return transports[tp].name;
}

const char *sip_tp_via(enum sip_tp tp)
{
	return transports[tp].via;
}

const char *sip_tp_param(enum sip_tp tp)
{
	return transports[tp].param;
}

bool sip_tp_parse(enum sip_tp *tp, const char *name)
{
	for (unsigned i = 0; i < SIP_TPS; i++) {
		if (strcmp(transports[i].name, name))
			continue;
		*tp = (enum sip_tp)i;
		return true;
	}
	return false;
}

bool sip_addr_parse(struct sa *sa, const char *text)
{
	const char *host = text, *end, *port;
	char *rest;
	struct pl pl;
	long n;

	if (*text == '[') {
		host = text + 1;
		end = strchr(host, ']');
		port = end && end[1] == ':' ? end + 2 : NULL;
	} else {
		end = strchr(host, ':');
		port = end ? end + 1 : NULL;
	}
	if (!port || *port < '0' || *port > '9')
		return false;
	n = strtol(port, &rest, 10);
	if (*rest || n < 1 || n > 65535)
		return false;
	pl.p = host;
	pl.l = (size_t)(end - host);
	if (sa_set(sa, &pl, (uint16_t)n))
		return false;
	return (*text == '[') == (sa_af(sa) == AF_INET6);
}

bool sip_listen_parse(struct sip_listen *l, const char *text)
{
	char tp[8];
	const char *colon = strchr(text, ':');
	size_t n = colon ? (size_t)(colon - text) : sizeof(tp);

	if (n >= sizeof(tp))
		return false;
	memcpy(tp, text, n);
	tp[n] = '\0';
	/* Contact and SDP need the one address that phones see. */
	return sip_tp_parse(&l->tp, tp) &&
	       sip_addr_parse(&l->addr, colon + 1) && !sa_is_any(&l->addr);
}

void sip_addr_print(char text[SIP_ADDR_TEXT], const struct sa *sa)
{
	if (re_snprintf(text, SIP_ADDR_TEXT, "%J", sa) < 0)
		text[0] = '\0';
}

struct sp_addr sip_addr_media(const struct sa *sa)
{
	struct sp_addr a = {.port = sa_port(sa)};
	uint32_t v4;

	if (sa_af(sa) == AF_INET6) {
		a.family = 6;
		a.prefix = 128;
		sa_in6(sa, a.addr);
	} else if (sa_af(sa) == AF_INET) {
		a.family = 4;
		a.prefix = 32;
		v4 = htonl(sa_in(sa));
		memcpy(a.addr, &v4, sizeof(v4));
	}
	return a;
}
