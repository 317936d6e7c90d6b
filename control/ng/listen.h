/* SPDX-License-Identifier: Apache-2.0 */
/* control/ng/listen.h - this door's addresses as the configuration writes them.
 * Numeric only, IPv6 in brackets where a port follows. Pure. */
#pragma once
#include <stdbool.h>
#include "control/libre.h"
#include "dataplane/abi/abi.h"

enum ng_transport { NG_UDP, NG_TCP, NG_HTTP };

struct ng_listen {
	enum ng_transport tp;
	struct sa addr;
};

/** "udp:127.0.0.1:2223", "tcp:[::1]:2223", "http:127.0.0.1:2225". */
bool ng_listen_parse(struct ng_listen *l, const char *text);

struct ng_network {
	struct sp_addr addr; /* prefix: the bits that count */
};

/** "192.0.2.0/24", "2001:db8::/32", or one address. */
bool ng_network_parse(struct ng_network *n, const char *text);
bool ng_network_has(const struct ng_network *n, const struct sa *sa);

#define NG_NAME_MAX 32 /* octets of an interface's name, with the NUL */

struct ng_interface {
	char name[NG_NAME_MAX];
	struct sp_addr addr; /* a media address of the dataplane's */
};

/** "internal/10.1.0.1": a name as `direction` has it, and a media address. */
bool ng_interface_parse(struct ng_interface *i, const char *text);

/** An address without a port, of octets that needn't end in NUL. */
bool ng_addr_parse(struct sp_addr *a, const char *p, size_t len);
