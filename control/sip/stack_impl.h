/* SPDX-License-Identifier: Apache-2.0 */
/* control/sip/stack_impl.h - shared by the files of the stack: stack.c (what
 * goes where), udp.c and conn.c (transports), server.c and client.c
 * (transactions). Nobody else includes it. */
#pragma once
#include "control/sip/guard.h"
#include "control/sip/stack.h"
#include "control/sip/tls.h"
#include "control/timer.h"

struct udp;
struct acceptor;
struct conn;

struct listener {
	struct le le;
	struct stack *stack;
	struct sa addr;
	struct udp *udp;
	struct acceptor *stream[SIP_TPS];
	bool has[SIP_TPS];
};

struct stack {
	struct list listeners;
	struct stack_config cfg;
	struct tls_identity *tls; /* NULL: nothing needs it yet */
	struct guard *guard;
	struct hash *conns;   /* by the peer's address */
	struct hash *servers; /* by branch */
	struct hash *clients;
	uint64_t dropped; /* datagrams that the kernel had no room for */
};

static inline bool tp_is_stream(enum sip_tp tp)
{
	return tp != SIP_UDP;
}
static inline bool tp_is_secure(enum sip_tp tp)
{
	return tp == SIP_TLS || tp == SIP_WSS;
}
static inline bool tp_is_ws(enum sip_tp tp)
{
	return tp == SIP_WS || tp == SIP_WSS;
}

/* stack.c */
/** A message has come: octets that are the caller's. src and conn say from
 * where. @return 0, or EBADMSG: no SIP. */
int stack_received(struct listener *l, enum sip_tp tp, const struct sa *src,
		   struct conn *conn, const uint8_t *p, size_t len);
/** A stream that can't be followed any more: answers 400 where the headers can
 * be read. */
void stack_unreadable(struct listener *l, enum sip_tp tp, const struct sa *src,
		      struct conn *conn, const uint8_t *p, size_t len);
/** Somebody who waits for something that a connection is to bring. */
struct conn_user {
	struct le le;
	void (*lost)(int err, void *arg); /* unlinked before */
	void *arg;
};
/** Send mb to dst. conn: over this one if it is still there; else one that
 * leads there is used again or, except of WebSocket, made.
 * @param name  of the certificate of a TLS connection that is to be made, or ""
 * @param user  told when the connection is lost, or NULL */
int stack_transmit(struct listener *l, enum sip_tp tp, const struct sa *dst,
		   const char *name, struct conn *conn, struct mbuf *mb,
		   struct conn_user *user);
/** A response as text. tag: of To where the request has none. */
struct mbuf *stack_response(const struct stack *s, const struct sip_msg *m,
			    const struct answer *a, bool record_route);
int stack_respond(struct listener *l, const struct sip_msg *m, struct mbuf *mb);

/* udp.c */
int udp_open(struct udp **up, struct listener *l);
int udp_transmit(struct udp *u, const struct sa *dst, struct mbuf *mb);

/* conn.c */
int conn_listen(struct acceptor **ap, struct listener *l, enum sip_tp tp);
/** The connection to that peer. @return NULL: none, or it goes down. */
struct conn *conn_find(struct listener *l, enum sip_tp tp,
		       const struct sa *peer, const char *name);
int conn_open(struct conn **cp, struct listener *l, enum sip_tp tp,
	      const struct sa *peer, const char *name);
bool conn_alive(const struct conn *c);
int conn_transmit(struct conn *c, struct mbuf *mb, struct conn_user *user);
/** Remember who registered over it. */
void conn_belongs(struct conn *c, const char *user);
void conns_close(struct stack *s);

/* server.c; all: true means that the request needs nobody else. */
bool server_request(struct stack *s, struct listener *l,
		    const struct sip_msg *m);
/* client.c */
bool client_response(struct stack *s, const struct sip_msg *m);
void client_flush(struct stack *s);
void server_flush(struct stack *s);
