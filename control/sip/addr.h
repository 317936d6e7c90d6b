/* SPDX-License-Identifier: Apache-2.0 */
/* control/sip/addr.h - addresses as this door writes and reads them.
 *
 * "10.1.0.1:5060", "[2001:db8::1]:5060"; with the transport in front, as the
 * configuration has it, "udp:10.1.0.1:5060", "tls:10.1.0.1:5061". Never a host
 * name. Pure. */
#pragma once
#include <stdbool.h>
#include <stddef.h>
#include "control/libre.h"
#include "dataplane/abi/abi.h"

#define SIP_ADDR_TEXT 64 /* octets for a printed address, NUL included */

enum sip_tp { SIP_UDP, SIP_TCP, SIP_TLS, SIP_WS, SIP_WSS, SIP_TPS };

struct sip_listen {
	enum sip_tp tp;
	struct sa addr;
};

/** @return false: not "udp:ADDRESS:PORT" with an address of its own. */
bool sip_listen_parse(struct sip_listen *l, const char *text);
bool sip_tp_parse(enum sip_tp *tp, const char *name);
const char *sip_tp_name(enum sip_tp tp); /* "udp" */
const char *sip_tp_via(enum sip_tp tp);	 /* "UDP" */
/** What a URI of ours needs to be reached so: ";transport=tcp", or "". */
const char *sip_tp_param(enum sip_tp tp);

/** Numeric address and port; IPv6 in brackets. */
bool sip_addr_parse(struct sa *sa, const char *text);
void sip_addr_print(char text[SIP_ADDR_TEXT], const struct sa *sa);
/** For the media layer; port included. */
struct sp_addr sip_addr_media(const struct sa *sa);
