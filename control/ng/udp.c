/* SPDX-License-Identifier: Apache-2.0 */
/* Datagrams: one request, one answer. */
#include <errno.h>
#include "control/ng/impl.h"
#include <re_udp.h> /* after the types of libre.h */

#define SOCKET_BUFFER (4 << 20) /* octets: a burst of a proxy's workers */

struct udp_door {
	struct le le;
	struct ng *ng;
	struct udp_sock *us;
};

static void udp_destructor(void *arg)
{
	struct udp_door *u = arg;

	list_unlink(&u->le);
	mem_deref(u->us);
}

static void received(const struct sa *from, struct mbuf *mb, void *arg)
{
	struct udp_door *u = arg;
	struct wire_message m;
	enum wire_result r;
	const char *answer;
	struct mbuf out = {0};
	size_t len;

	if (!ng_allowed(u->ng, from))
		return;
	r = wire_read((const char *)mbuf_buf(mb), mbuf_get_left(mb), true,
		      false, &m);
	if (r == WIRE_JUNK) {
		u->ng->counts.junk++;
		return;
	}
	answer = ng_serve(u->ng, from, &m, &len);
	json_decref(m.dict);
	if (!answer)
		return;
	out.buf = (uint8_t *)answer; /* udp_send only reads it */
	out.size = out.end = len;
	udp_send(u->us, from, &out);
}

int ng_udp_listen(struct ng *ng, const struct sa *addr)
{
	struct udp_door *u = mem_zalloc(sizeof(*u), udp_destructor);
	int err;

	if (!u)
		return ENOMEM;
	u->ng = ng;
	err = udp_listen(&u->us, addr, received, u);
	if (err) {
		mem_deref(u);
		return err;
	}
	udp_rxsz_set(u->us, WIRE_SIZE_MAX);
	udp_sockbuf_set(u->us, SOCKET_BUFFER);
	list_append(&ng->listeners, &u->le, u);
	return 0;
}
