/* SPDX-License-Identifier: Apache-2.0 */
/* What a restart must know of ICE, DTLS-SRTP and BUNDLE: so that checks go on
 * being answered, and packets find their streams. Associations are not kept:
 * their keys are in the dataplane, and a new offer makes another. */
#include <jansson.h>
#include <stdio.h>
#include <string.h>
#include "control/calls/media_impl.h"
#include "control/calls/media_save.h"

static json_t *agent_json(const struct agent *a)
{
	const struct ice_component *c;

	if (!a)
		return json_null();
	c = a->ice.component;
	return json_pack("{s:s, s:s, s:s, s:[o,o]}", "ufrag", a->ice.ufrag,
			 "pwd", a->ice.pwd, "remote", a->ice.remote, "peer",
			 media_addr_json(&c[0].peer),
			 media_addr_json(&c[1].peer));
}

json_t *media_keying_json(const struct mleg *g)
{
	json_t *ssrc = json_array();

	for (unsigned i = 0; i < g->n_ssrc; i++)
		json_array_append_new(ssrc, json_integer(g->ssrc[i]));
	return json_pack("{s:i, s:i, s:s, s:b, s:o, s:o}", "keying",
			 (int)g->keying, "setup", (int)g->setup, "mid", g->mid,
			 "bundled", g->bundled, "ssrc", ssrc, "ice",
			 agent_json(g->ice));
}

/* Whoever was nominated stays so, and nobody else is until a restart of ICE:
 * which checks have been heard already isn't known any more. */
static struct agent *agent_load(json_t *j)
{
	const char *ufrag, *pwd, *remote;
	json_t *peer[ICE_COMPONENTS];
	struct sp_addr addr;
	struct agent *a;

	if (!json_is_object(j) ||
	    json_unpack(j, "{s:s, s:s, s:s, s:[o,o]}", "ufrag", &ufrag, "pwd",
			&pwd, "remote", &remote, "peer", &peer[0],
			&peer[1]) != 0 ||
	    strlen(ufrag) >= ICE_OUR_UFRAG || strlen(pwd) >= ICE_OUR_PWD)
		return NULL;
	a = agent_new();
	if (!a)
		return NULL;
	snprintf(a->ice.ufrag, sizeof(a->ice.ufrag), "%s", ufrag);
	snprintf(a->ice.pwd, sizeof(a->ice.pwd), "%s", pwd);
	snprintf(a->ice.remote, sizeof(a->ice.remote), "%s", remote);
	for (unsigned i = 0; i < ICE_COMPONENTS; i++)
		if (media_addr_load(peer[i], &addr) && addr.family)
			ice_restore(&a->ice, i, &addr, media_now());
	return a;
}

void media_keying_load(json_t *j, struct mleg *g)
{
	int keying, setup, bundled;
	const char *mid;
	json_t *ssrc, *ice;

	if (!j || json_unpack(j, "{s:i, s:i, s:s, s:b, s:o, s:o}", "keying",
			      &keying, "setup", &setup, "mid", &mid, "bundled",
			      &bundled, "ssrc", &ssrc, "ice", &ice) != 0)
		return;
	if (keying >= KEYING_PLAIN && keying <= KEYING_RELAY)
		g->keying = (enum keying)keying;
	if (setup >= HOLDCONN && setup <= ACTPASS)
		g->setup = (enum setup)setup;
	snprintf(g->mid, sizeof(g->mid), "%s", mid);
	g->bundled = bundled;
	while (g->n_ssrc < SP_STREAM_SSRCS &&
	       g->n_ssrc < json_array_size(ssrc)) {
		g->ssrc[g->n_ssrc] = (uint32_t)json_integer_value(
			json_array_get(ssrc, g->n_ssrc));
		g->n_ssrc++;
	}
	g->ice = agent_load(ice);
}
