/* SPDX-License-Identifier: Apache-2.0 */
/* The media in force as JSON, and back: everything but the octets of keys.
 * Ids are 64 random bits, kept in JSON's signed integers as they are. */
#include <arpa/inet.h>
#include <jansson.h>
#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "control/calls/media_impl.h"
#include "control/calls/media_save.h"

#define SAVE_VERSION 1

/* ------------------------------------------------------------------- save */

static json_t *id_json(uint64_t id)
{
	return json_integer((json_int_t)id);
}

json_t *media_addr_json(const struct sp_addr *a)
{
	char text[INET6_ADDRSTRLEN] = "";

	if (a->family)
		inet_ntop(a->family == 6 ? AF_INET6 : AF_INET, a->addr, text,
			  sizeof(text));
	return json_pack("[s, i, i]", text, a->port, a->prefix);
}

static json_t *key_json(const struct hopkey *k)
{
	char mki[2 * SP_MKI_MAX + 1];

	if (!k)
		return json_null();
	sodium_bin2hex(mki, sizeof(mki), k->sdes.mki, k->sdes.mki_len);
	return json_pack("{s:o, s:i, s:i, s:o, s:s}", "id", id_json(k->id),
			 "suite", k->sdes.suite, "tag", (int)k->sdes.tag,
			 "packets", id_json(k->sdes.packets), "mki", mki);
}

static json_t *leg_json(const struct mleg *g)
{
	return json_pack("{s:s, s:b, s:b, s:b, s:i, s:i, s:o, s:o, s:o, s:o, "
			 "s:I, s:I, s:o}",
			 "proto", g->proto, "secure", g->keying == KEYING_SDES,
			 "mux", g->mux, "no_recv", g->no_recv, "dir",
			 (int)g->dir, "tag", (int)g->tag, "rtp",
			 media_addr_json(&g->rtp), "rtcp",
			 media_addr_json(&g->rtcp), "rx", key_json(g->rx), "tx",
			 key_json(g->tx), "pps", (json_int_t)g->max_pps,
			 "octets", (json_int_t)g->max_octets, "keying",
			 media_keying_json(g));
}

static json_t *flow_json(const struct mline *l)
{
	const struct transport *a = l->leg[LEG_A].tp, *b = l->leg[LEG_B].tp;
	const struct flow *f = l->flow;

	if (!f)
		return json_null();
	return json_pack("{s:[i,i], s:[i,i], s:[o,o], s:[o,o], s:I, s:I, s:o, "
			 "s:[b,b], s:[b,b]}",
			 "media", a->media, b->media, "port", a->port, b->port,
			 "transport", id_json(a->id), id_json(b->id), "stream",
			 id_json(f->stream[0]), id_json(f->stream[1]), "xor",
			 (json_int_t)f->ssrc_xor, "generation",
			 (json_int_t)f->generation, "source",
			 id_json(f->source), "made", f->made[0], f->made[1],
			 "sent", f->sent[0], f->sent[1]);
}

static json_t *mline_json(const struct mline *l)
{
	return json_pack("{s:s, s:o, s:[o,o], s:{s:s, s:I, s:i}, s:[o,o,i], "
			 "s:o, s:b}",
			 "kind", l->kind, "flow", flow_json(l), "leg",
			 leg_json(&l->leg[0]), leg_json(&l->leg[1]), "codec",
			 "name", l->codec.name, "clock",
			 (json_int_t)l->codec.clock, "channels",
			 (int)l->codec.channels, "match", id_json(l->pts[0]),
			 id_json(l->pts[1]), l->mid_ext, "codecs",
			 media_codecs_save(l), "two_way", l->two_way);
}

static json_t *manner_json(const struct side *s)
{
	return json_pack("{s:i, s:b, s:i, s:b, s:i, s:s, s:b, s:b}", "source",
			 s->manner.source, "marked", s->manner.marked, "dscp",
			 s->manner.dscp, "blocked", s->blocked, "insert",
			 (int)s->insert, "file", s->insert_file, "loop",
			 s->insert_loop, "no_digits", s->no_digits);
}

static json_t *side_json(const struct side *s)
{
	json_t *suites = json_array();

	for (unsigned i = 0; i < MEDIA_SUITES_MAX && s->profile.suites[i]; i++)
		json_array_append_new(suites,
				      json_integer(s->profile.suites[i]));
	return json_pack("{s:o, s:o, s:i, s:o, s:i, s:o, s:o, s:o, s:i, s:o}",
			 "signalling", media_addr_json(&s->addr.local), "peer",
			 media_addr_json(&s->addr.peer), "security",
			 (int)s->profile.security, "suites", suites, "media",
			 s->media, "local", media_addr_json(&s->local),
			 "session", id_json(s->session), "version",
			 id_json(s->version), "lines", (int)s->lines, "manner",
			 manner_json(s));
}

static json_t *hash_json(const uint8_t hash[E2EE_HASH])
{
	char hex[2 * E2EE_HASH + 1];

	sodium_bin2hex(hex, sizeof(hex), hash, E2EE_HASH);
	return json_string(hex);
}

static json_t *e2ee_json(const struct e2ee *e)
{
	json_t *info = json_array();

	for (int i = 0; i < E2EE_INFOS; i++)
		json_array_append_new(info,
				      json_pack("[o, i]", hash_json(e->info[i]),
						e->copies[i]));
	return json_pack("{s:i, s:[o,o], s:i, s:o}", "state", (int)e->state,
			 "sdp", hash_json(e->hash[LEG_A]),
			 hash_json(e->hash[LEG_B]), "passed", e->passed, "info",
			 info);
}

char *media_save(const struct media *m)
{
	json_t *lines = json_array(), *j;
	char *text = NULL;

	for (unsigned i = 0; i < m->cur->n; i++)
		json_array_append_new(lines, mline_json(&m->cur->line[i]));
	j = json_pack("{s:i, s:o, s:o, s:[o,o], s:o, s:b, s:i, s:i, s:s, s:s}",
		      "save", SAVE_VERSION, "call", id_json(m->call), "e2ee",
		      e2ee_json(&m->e2ee), "side", side_json(&m->side[0]),
		      side_json(&m->side[1]), "line", lines, "copy", m->copy,
		      "solo", m->solo ? (int)m->real : -1, "play", (int)m->play,
		      "name", m->play_name, "music", m->music);
	if (j)
		text = json_dumps(j, JSON_COMPACT);
	json_decref(j);
	return text;
}

/* ------------------------------------------------------------------- load */

/* Text cut to fit; a saved call is our own, so that never happens. */
static void text_load(const char *text, char *out, size_t size)
{
	snprintf(out, size, "%s", text);
}

bool media_addr_load(json_t *j, struct sp_addr *out)
{
	const char *text;
	int port, prefix;

	memset(out, 0, sizeof(*out));
	if (json_unpack(j, "[s, i, i]", &text, &port, &prefix) != 0)
		return false;
	if (!text[0])
		return true;
	out->family = strchr(text, ':') ? 6 : 4;
	out->port = (uint16_t)port;
	out->prefix = (uint8_t)prefix;
	return inet_pton(out->family == 6 ? AF_INET6 : AF_INET, text,
			 out->addr) == 1;
}

static bool key_load(json_t *j, struct hopkey **out)
{
	json_int_t id, packets;
	const char *mki;
	int suite, tag;
	size_t len = 0;

	*out = NULL;
	if (json_is_null(j))
		return true;
	if (json_unpack(j, "{s:I, s:i, s:i, s:I, s:s}", "id", &id, "suite",
			&suite, "tag", &tag, "packets", &packets, "mki",
			&mki) != 0 ||
	    !sp_suite_info((uint16_t)suite) || !(*out = hopkey_new()))
		return false;
	(*out)->known = false;
	(*out)->id = (uint64_t)id;
	(*out)->sdes.suite = (uint16_t)suite;
	(*out)->sdes.tag = (uint32_t)tag;
	(*out)->sdes.packets = (uint64_t)packets;
	if (sodium_hex2bin((*out)->sdes.mki, SP_MKI_MAX, mki, strlen(mki), NULL,
			   &len, NULL) != 0)
		return false;
	(*out)->sdes.mki_len = (uint8_t)len;
	return true;
}

static bool leg_load(json_t *j, struct mleg *g)
{
	json_t *rtp, *rtcp, *rx, *tx, *keying = NULL;
	json_int_t pps, octets;
	int secure, mux, no_recv, dir, tag;
	const char *proto;

	if (json_unpack(j,
			"{s:s, s:b, s:b, s:b, s:i, s:i, s:o, s:o, s:o, s:o, "
			"s:I, s:I, s?o}",
			"proto", &proto, "secure", &secure, "mux", &mux,
			"no_recv", &no_recv, "dir", &dir, "tag", &tag, "rtp",
			&rtp, "rtcp", &rtcp, "rx", &rx, "tx", &tx, "pps", &pps,
			"octets", &octets, "keying", &keying) != 0)
		return false;
	text_load(proto, g->proto, sizeof(g->proto));
	g->keying = secure ? KEYING_SDES : KEYING_PLAIN;
	media_keying_load(keying, g);
	g->mux = mux;
	g->no_recv = no_recv;
	g->dir = dir & SDP_SENDRECV;
	g->tag = (uint32_t)tag;
	g->max_pps = (uint32_t)pps;
	g->max_octets = (uint32_t)octets;
	return media_addr_load(rtp, &g->rtp) &&
	       media_addr_load(rtcp, &g->rtcp) && key_load(rx, &g->rx) &&
	       key_load(tx, &g->tx);
}

/* The one of an m-line before, where they are bundled. */
static struct transport *transport_load(struct media *m, enum leg x,
					uint64_t id, int media, int port)
{
	struct transport *t = NULL;

	for (unsigned i = 0; i < m->cur->n; i++) {
		t = m->cur->line[i].leg[x].tp;
		if (t && t->id == id)
			return transport_ref(t);
	}
	t = calloc(1, sizeof(*t));
	if (!t)
		return NULL;
	t->refs = 1;
	t->m = m;
	t->leg = x;
	t->dp = m->dp;
	t->id = id;
	t->media = (uint8_t)media;
	t->port = (uint16_t)port;
	t->programmed = t->used = true;
	m->port = t->port;
	dp_ports_keep(m->dp, t->media, t->port);
	return t;
}

static bool flow_load(struct media *m, json_t *j, struct mline *l)
{
	json_int_t transport[2], stream[2], mask, generation = 1, source = 0;
	int made[2] = {0, 0};
	int media[2], port[2];
	struct flow *f;

	if (json_is_null(j))
		return true;
	if (json_unpack(j,
			"{s:[i,i], s:[i,i], s:[I,I], s:[I,I], s:I, s?I, s?I, "
			"s?[b,b]}",
			"media", &media[0], &media[1], "port", &port[0],
			&port[1], "transport", &transport[0], &transport[1],
			"stream", &stream[0], &stream[1], "xor", &mask,
			"generation", &generation, "source", &source, "made",
			&made[0], &made[1]) != 0)
		return false;
	f = calloc(1, sizeof(*f));
	if (!f)
		return false;
	l->flow = f;
	f->refs = 1;
	f->dp = m->dp;
	f->ssrc_xor = (uint32_t)mask;
	f->generation = (uint32_t)generation;
	f->source = (uint64_t)source;
	f->programmed = true;
	for (int x = LEG_A; x <= LEG_B; x++) {
		f->stream[x] = (uint64_t)stream[x];
		f->made[x] = made[x];
		f->sent[x] = json_is_true(
			json_array_get(json_object_get(j, "sent"), (size_t)x));
		f->from[x] = (uint64_t)transport[x];
		if (!media_has(m, x))
			continue;
		l->leg[x].tp = transport_load(m, x, (uint64_t)transport[x],
					      media[x], port[x]);
	}
	if (m->solo)
		l->leg[OTHER_LEG(m->real)].tp =
			transport_ref(l->leg[m->real].tp);
	return l->leg[LEG_A].tp && l->leg[LEG_B].tp;
}

static bool mline_load(struct media *m, json_t *j, struct mline *l)
{
	json_t *flow, *leg[2];
	const char *kind, *codec;
	json_int_t clock, pts[2] = {0, 0};
	int channels, mid_ext = 0;

	if (json_unpack(j, "{s:s, s:o, s:[o,o], s:{s:s, s:I, s:i}, s?[I,I,i]}",
			"kind", &kind, "flow", &flow, "leg", &leg[0], &leg[1],
			"codec", "name", &codec, "clock", &clock, "channels",
			&channels, "match", &pts[0], &pts[1], &mid_ext) != 0)
		return false;
	l->pts[0] = (uint64_t)pts[0];
	l->pts[1] = (uint64_t)pts[1];
	l->mid_ext = (uint8_t)mid_ext;
	text_load(kind, l->kind, sizeof(l->kind));
	text_load(codec, l->codec.name, sizeof(l->codec.name));
	l->codec.clock = (uint32_t)clock;
	l->codec.channels = (uint32_t)channels;
	if (!media_codecs_load(json_object_get(j, "codecs"), l))
		return false;
	l->two_way = json_is_true(json_object_get(j, "two_way"));
	return leg_load(leg[0], &l->leg[0]) && leg_load(leg[1], &l->leg[1]) &&
	       flow_load(m, flow, l);
}

/* Say to the dataplane's client what is ours; the keys it knows, not we. */
static bool mline_keep(struct media *m, struct mline *l)
{
	struct sp_transport t;
	struct sp_stream s;
	int status = SP_OK;

	for (int x = LEG_A; status == SP_OK && l->flow && x <= LEG_B; x++) {
		struct transport *tp = l->leg[x].tp;

		if (!media_has(m, x))
			continue;
		if (tp->sending) /* bundled: an m-line before has said it */
			continue;
		media_punt_use(tp, &l->leg[x]);
		media_transport(m, m->cur, tp, x, &t);
		status = dp_transport_keep(m->dp, &t);
		tp->sending = true;
	}
	for (int x = LEG_A; status == SP_OK && l->flow && x <= LEG_B; x++) {
		if (!media_has(m, x))
			continue;
		media_stream(m, m->cur, l, x, &s);
		status = dp_stream_keep(m->dp, &s);
		l->flow->since[x] =
			s.blocked || !media_flows(l, x) ? 0 : media_now();
	}
	return status == SP_OK;
}

static void manner_load(json_t *j, struct side *s)
{
	int source, marked, dscp, blocked, insert, loop, no_digits;
	const char *file;

	if (!j ||
	    json_unpack(j, "{s:i, s:b, s:i, s:b, s:i, s:s, s:b, s:b}", "source",
			&source, "marked", &marked, "dscp", &dscp, "blocked",
			&blocked, "insert", &insert, "file", &file, "loop",
			&loop, "no_digits", &no_digits) != 0)
		return;
	/* nobody is there any more who would end the sending of digits */
	s->insert = insert == INSERT_FILE || insert == INSERT_SILENCE
			    ? (enum media_insert)insert
			    : INSERT_NOTHING;
	snprintf(s->insert_file, sizeof(s->insert_file), "%s", file);
	s->insert_loop = loop;
	s->no_digits = no_digits;
	s->manner = (struct media_manner){(uint8_t)source, marked,
					  (uint8_t)(dscp & 63)};
	s->blocked = blocked;
}

static bool side_load(json_t *j, struct side *s)
{
	json_t *local, *peer, *suites, *media;
	json_int_t session, version;
	int security, lines = 0;
	json_t *manner = NULL;
	size_t n;

	if (json_unpack(j, "{s:o, s:o, s:i, s:o, s:i, s:o, s:I, s:I, s?i, s?o}",
			"signalling", &local, "peer", &peer, "security",
			&security, "suites", &suites, "media", &s->media,
			"local", &media, "session", &session, "version",
			&version, "lines", &lines, "manner", &manner) != 0)
		return false;
	s->lines = (unsigned)lines;
	manner_load(manner, s);
	s->profile.security = security;
	n = json_array_size(suites);
	for (size_t i = 0; i < n && i < MEDIA_SUITES_MAX; i++)
		s->profile.suites[i] =
			(uint16_t)json_integer_value(json_array_get(suites, i));
	s->session = (uint64_t)session;
	/* what was sent last isn't known here, so what comes is a change */
	s->version = (uint64_t)version + 1;
	return media_addr_load(local, &s->addr.local) &&
	       media_addr_load(peer, &s->addr.peer) &&
	       media_addr_load(media, &s->local);
}

static bool lines_load(struct media *m, json_t *lines)
{
	size_t n = json_array_size(lines);

	if (n > SDP_MEDIA_MAX || !(m->cur = state_new((unsigned)n)))
		return false;
	for (size_t i = 0; i < n; i++)
		if (!mline_load(m, json_array_get(lines, i), &m->cur->line[i]))
			return false;
	for (size_t i = 0; i < n; i++)
		if (!mline_keep(m, &m->cur->line[i]))
			return false;
	return true;
}

static bool hash_load(json_t *j, uint8_t hash[E2EE_HASH])
{
	const char *hex = json_string_value(j);
	size_t n = 0;

	return hex &&
	       sodium_hex2bin(hash, E2EE_HASH, hex, strlen(hex), NULL, &n,
			      NULL) == 0 &&
	       n == E2EE_HASH;
}

static bool e2ee_load(json_t *j, struct e2ee *e)
{
	json_t *sdp[2], *info, *hash;
	int state, passed, copies;

	if (json_unpack(j, "{s:i, s:[o,o], s:i, s:o}", "state", &state, "sdp",
			&sdp[LEG_A], &sdp[LEG_B], "passed", &passed, "info",
			&info) != 0 ||
	    state < E2EE_UNDECIDED || state > E2EE_OFF || passed < 0 ||
	    passed > E2EE_INFOS || !hash_load(sdp[LEG_A], e->hash[LEG_A]) ||
	    !hash_load(sdp[LEG_B], e->hash[LEG_B]))
		return false;
	e->state = (enum e2ee_state)state;
	e->passed = (uint8_t)passed;
	for (size_t i = 0; i < E2EE_INFOS; i++) {
		if (json_unpack(json_array_get(info, i), "[o, i]", &hash,
				&copies) != 0 ||
		    !hash_load(hash, e->info[i]))
			return false;
		e->copies[i] = (uint8_t)copies;
	}
	return true;
}

struct media *media_load(struct dp *dp, const char *json)
{
	struct media *m = calloc(1, sizeof(*m));
	json_t *j = json_loads(json, 0, NULL), *side[2], *lines;
	json_t *e2ee;
	json_int_t call;
	const char *name = "", *music = "";
	int version, solo = -1, play = 0;
	bool ok;

	ok = m && j && sodium_init() >= 0 &&
	     json_unpack(j, "{s:i, s:I, s:o, s:[o,o], s:o, s?i, s?i, s?s, s?s}",
			 "save", &version, "call", &call, "e2ee", &e2ee, "side",
			 &side[0], &side[1], "line", &lines, "solo", &solo,
			 "play", &play, "name", &name, "music", &music) == 0 &&
	     version == SAVE_VERSION;
	if (ok) {
		m->dp = dp;
		m->call = (uint64_t)call;
		m->copy = json_is_true(json_object_get(j, "copy"));
		m->solo = solo >= 0;
		m->real = solo == LEG_B ? LEG_B : LEG_A;
		m->play = (enum play)play;
		text_load(name, m->play_name, sizeof(m->play_name));
		text_load(music, m->music, sizeof(m->music));
		ok = e2ee_load(e2ee, &m->e2ee) &&
		     side_load(side[0], &m->side[0]) &&
		     side_load(side[1], &m->side[1]) && lines_load(m, lines);
	}
	json_decref(j);
	if (ok)
		return m;
	media_free(m);
	return NULL;
}
