/* SPDX-License-Identifier: Apache-2.0 */
#include "control/calls/media_profile.h"
#include <string.h>

const char *const media_security_names[MEDIA_SECURITIES] = {
	[MEDIA_PLAIN] = "plain",   [MEDIA_SDES] = "sdes",
	[MEDIA_EITHER] = "either", [MEDIA_DTLS] = "dtls",
	[MEDIA_AUTO] = "auto",	   [MEDIA_PASSTHROUGH] = "passthrough",
};

const char *const media_switch_names[SWITCHES] = {
	[SWITCH_AUTO] = "auto",
	[SWITCH_OFF] = "off",
	[SWITCH_ON] = "on",
};

const char *const media_setup_names[SETUPS] = {
	[SETUP_AUTO] = "auto",
	[SETUP_ACTIVE] = "active",
	[SETUP_PASSIVE] = "passive",
};

int media_name_find(const char *const names[], unsigned n, const char *name)
{
	for (unsigned i = 0; i < n; i++)
		if (strcmp(names[i], name) == 0)
			return (int)i;
	return -1;
}

static void follow(enum media_switch *s, bool browser)
{
	if (*s == SWITCH_AUTO && browser)
		*s = SWITCH_ON;
}

struct media_profile media_profile_offer(const struct media_profile *p)
{
	struct media_profile o = *p;

	if (o.security == MEDIA_AUTO)
		o.security = o.browser ? MEDIA_DTLS
			     : o.tls   ? MEDIA_SDES
				       : MEDIA_PLAIN;
	follow(&o.ice, o.browser);
	follow(&o.avpf, o.browser);
	follow(&o.bundle, o.browser);
	/* the dataplane has one set of keys for a transport, so RTCP needs to
	 * share the port that they were agreed on */
	follow(&o.mux, o.browser || o.security == MEDIA_DTLS);
	if (o.ice == SWITCH_AUTO)
		o.ice = SWITCH_OFF;
	if (o.bundle == SWITCH_AUTO)
		o.bundle = SWITCH_OFF;
	return o;
}
