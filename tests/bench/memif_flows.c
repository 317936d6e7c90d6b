/* SPDX-License-Identifier: Apache-2.0 */
/* See memif_flows.h. Requests go out WINDOW at a time, so that programming
 * 100,000 streams does not wait as often for the dataplane's main lcore. */
#include "tests/bench/memif_flows.h"
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#define WINDOW 32

static bool complain(const char *what, const char *why)
{
	fprintf(stderr, "the dataplane: %s: %s\n", what, why);
	return false;
}

static bool ask(struct memif_flows *f, uint16_t type, const void *body)
{
	const int size = sp_body_size(type);
	struct sp_msg m = {.hdr = {SP_ABI_MAGIC, SP_ABI_VERSION, type, ++f->seq,
				   (uint32_t)size}};

	memcpy(&m.body, body, (size_t)size);
	if (send(f->fd, &m, sizeof(m.hdr) + (size_t)size, 0) < 0)
		return complain("asking", strerror(errno));
	return true;
}

/* The next reply that is no event. */
static bool hear(struct memif_flows *f, struct sp_msg *m)
{
	do {
		ssize_t n = recv(f->fd, m, sizeof(*m), 0);

		if (n < (ssize_t)sizeof(m->hdr))
			return complain("listening",
					n < 0 ? strerror(errno) : "it left");
	} while (m->hdr.type == SP_EVENT);
	return true;
}

static bool done(struct memif_flows *f, unsigned replies)
{
	struct sp_msg m;

	while (replies) {
		if (!hear(f, &m))
			return false;
		if (m.hdr.type != SP_DONE)
			continue;
		if (m.body.done.status != SP_OK)
			return complain("refused", m.body.done.text);
		replies--;
	}
	return true;
}

/* Ports come in the order of the greeting's media addresses. */
static bool learn_macs(struct memif_flows *f)
{
	struct sp_msg m;

	if (!ask(f, SP_PORT_LIST, &m))
		return false;
	while (hear(f, &m)) {
		const struct sp_port *p = &m.body.port;

		if (m.hdr.type == SP_DONE)
			return true;
		memcpy(f->mac[!!strcmp(p->role, "access")], p->mac, 6);
	}
	return false;
}

bool memif_flows_connect(struct memif_flows *f, const char *path)
{
	static const struct sp_hello hello = {"memif_bench"};
	struct sockaddr_un to = {.sun_family = AF_UNIX};
	const struct sp_greeting *g = &f->greeting;
	struct sp_msg m;

	memset(f, 0, sizeof(*f));
	snprintf(to.sun_path, sizeof(to.sun_path), "%s", path);
	f->fd = socket(AF_UNIX, SOCK_SEQPACKET, 0);
	if (f->fd < 0 || connect(f->fd, (struct sockaddr *)&to, sizeof(to)))
		return complain(path, strerror(errno));
	if (!ask(f, SP_HELLO, &hello) || !hear(f, &m))
		return false;
	f->greeting = m.body.greeting;
	for (unsigned i = 0; i < g->n_media; i++) {
		unsigned side = !!strcmp(g->media[i].role, "access");

		if (g->media[i].addr.family == 4)
			f->media[side][f->n_media[side]++] = (uint8_t)i;
	}
	f->pairs = (g->media[0].udp_last - g->media[0].udp_first + 1u) / 2;
	return learn_macs(f);
}

void memif_flows_close(struct memif_flows *f)
{
	close(f->fd);
}

struct sp_addr memif_flows_local(const struct memif_flows *f, unsigned side,
				 uint32_t i)
{
	const struct sp_media_addr *m =
		&f->greeting.media[f->media[side][i / f->pairs]];
	struct sp_addr a = m->addr;

	a.prefix = 32;
	a.port = (uint16_t)(m->udp_first + 2 * (i % f->pairs));
	return a;
}

static void key_of(struct sp_key *k, const struct srtp_master *m, uint64_t id)
{
	k->id = id;
	k->suite = m->suite;
	memcpy(k->key, m->key, sizeof(k->key));
	memcpy(k->salt, m->salt, sizeof(k->salt));
}

static struct sp_transport transport(const struct memif_flows *f, unsigned side,
				     uint32_t i)
{
	const struct sp_addr local = memif_flows_local(f, side, i);

	return (struct sp_transport){
		.id = 2 * (uint64_t)i + side + 1,
		.call = i + 1,
		.media_addr = f->media[side][i / f->pairs],
		.flags = SP_TRANSPORT_RTCP_MUX,
		.source = SP_SOURCE_STRICT,
		.rtp_port = local.port,
		.peer_rtp = {.family = 4,
			     .prefix = 32,
			     .port = local.port,
			     .addr = {10, (uint8_t)(side + 1), 0, 100}},
	};
}

bool memif_flows_add(struct memif_flows *f, uint32_t n, bool to_trunk,
		     struct srtp_master (*key)(void *arg, uint32_t i),
		     void *arg)
{
	unsigned pending = 0;

	if (n > f->pairs * f->n_media[0] || n > f->pairs * f->n_media[1])
		return complain("media ports", "too few for so many streams");
	for (uint32_t i = 0; i < n; i++) {
		const struct srtp_master m = key(arg, i);
		struct sp_transport a = transport(f, FLOWS_ACCESS, i);
		struct sp_transport t = transport(f, FLOWS_TRUNK, i);
		struct sp_stream s = {
			.id = i + 1,
			.from = to_trunk ? a.id : t.id,
			.to = to_trunk ? t.id : a.id,
			.match = SP_MATCH_ANY,
			.out_pt = SP_PT_KEEP,
		};

		key_of(to_trunk ? &t.tx : &t.rx, &m, t.id);
		if (!ask(f, SP_TRANSPORT_ADD, &a) ||
		    !ask(f, SP_TRANSPORT_ADD, &t) || !ask(f, SP_STREAM_ADD, &s))
			return false;
		pending += 3;
		if (pending >= WINDOW) {
			if (!done(f, pending))
				return false;
			pending = 0;
		}
	}
	return done(f, pending);
}

bool memif_flows_remove(struct memif_flows *f, uint32_t n)
{
	for (uint32_t i = 0; i < n; i++) {
		const struct sp_id s = {i + 1}, a = {2 * (uint64_t)i + 1},
				   t = {2 * (uint64_t)i + 2};

		if (!ask(f, SP_STREAM_REMOVE, &s) ||
		    !ask(f, SP_TRANSPORT_REMOVE, &a) ||
		    !ask(f, SP_TRANSPORT_REMOVE, &t) || !done(f, 3))
			return false;
	}
	return true;
}
