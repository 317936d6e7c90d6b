/* SPDX-License-Identifier: Apache-2.0 */
/* control/endpoint/ua_int.h - a user agent's inside, for the files of a call.
 * Main thread only. */
#pragma once
#include "control/endpoint/ua.h"

struct ua {
	struct ua_config c;
	struct call_ops ops;
	struct sip *sip;
	struct dnsc *dns;
	struct sip_lsnr *requests, *responses;
	struct sipreg *reg;
	struct sa laddr;
	struct list calls;	  /* newest last, with those that linger */
	struct list requests_out; /* in dialogs: request.h */
	unsigned last_id;
	char user[E2EE_AOR_USER_MAX + 1]; /* of Contact */
	bool closing;
};

/** For sip_auth_alloc: what the configuration says. */
int ua_credentials(char **user, char **password, const char *realm, void *ua);
/** sip_send_h that writes Contact. */
int ua_contact(enum sip_transp tp, const struct sa *src, const struct sa *dst,
	       struct mbuf *mb, void *ua);
/** The AOR in a URI: scheme, user and host, no port, no parameters.
 * @return false: too long. */
bool ua_aor(char *out, size_t room, const struct uri *uri);
