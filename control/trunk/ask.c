/* SPDX-License-Identifier: Apache-2.0 */
/* control/trunk/ask.c - requests to a trunk, and the answers to its challenges.
 * RFC 3261 section 22. */
#define _GNU_SOURCE /* memmem */
#include <ctype.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include "control/log.h"
#include "control/trunk/impl.h"

#define TRIES_MAX 3

struct ask {
	struct le le;
	struct trunk *t;
	struct ctxn **cp;
	struct ctxn *ct; /* the same, for its last moments */
	struct hop hop;
	char *method, *uri;
	struct mbuf *mb; /* without credentials */
	uint32_t *seq;
	ctxn_h *h;
	void *arg;
	unsigned tries;		 /* challenges of this request answered */
	struct challenge latest; /* the one that has been */
};

static void ask_destructor(void *arg)
{
	struct ask *a = arg;

	list_unlink(&a->le);
	mem_deref(a->t);
	mem_deref(a->method);
	mem_deref(a->uri);
	if (a->mb)
		explicit_bzero(a->mb->buf, a->mb->size); /* SDP with keys */
	mem_deref(a->mb);
}

/* Where the number of the CSeq line stands. @return false: there is none. */
static bool find_cseq(const struct mbuf *mb, size_t *begin, size_t *end)
{
	static const char name[] = "\r\nCSeq: ";
	const char *text = (const char *)mb->buf;
	const char *at = memmem(text, mb->end, name, sizeof(name) - 1);
	size_t i;

	if (!at)
		return false;
	i = *begin = (size_t)(at - text) + sizeof(name) - 1;
	while (i < mb->end && isdigit((unsigned char)text[i]))
		i++;
	*end = i;
	return i > *begin;
}

/* The request with this number and, where there is a challenge to answer, with
 * credentials. */
static struct mbuf *with_credentials(struct ask *a, uint32_t seq)
{
	struct trunk *t = a->t;
	const char *user = t->set.auth_user[0] ? t->set.auth_user : t->set.user;
	struct mbuf *mb = mbuf_alloc(a->mb->end + 512);
	const char *text = (const char *)a->mb->buf;
	size_t begin, end, line;
	int err;

	if (!mb || !find_cseq(a->mb, &begin, &end))
		return mem_deref(mb);
	line = end + strcspn(text + end, "\n") + 1;
	err = mbuf_write_mem(mb, a->mb->buf, begin);
	err |= mbuf_printf(mb, "%u", seq);
	err |= mbuf_write_mem(mb, a->mb->buf + end, line - end);
	if (t->challenge.set && user[0])
		err |= challenge_print(&t->challenge, mb, user, t->password,
				       a->method, a->uri);
	err |= mbuf_write_mem(mb, a->mb->buf + line, a->mb->end - line);
	return err ? mem_deref(mb) : mb;
}

static void answered(int err, const struct sip_msg *m, void *arg);

static int send_it(struct ask *a, uint32_t seq)
{
	struct mbuf *mb = with_credentials(a, seq);
	int err = mb ? 0 : ENOMEM;

	if (!err)
		err = ctxn_send(a->cp, &a->hop, a->method, a->uri, mb, answered,
				a);
	if (!err)
		a->ct = *a->cp;
	mem_deref(mb);
	return err;
}

/* @return true: it has been sent again. */
static bool again(struct ask *a, const struct sip_msg *m)
{
	struct challenge now;

	if (!a->t->password[0] || a->tries == TRIES_MAX ||
	    ctxn_cancelled(a->ct) || !challenge_take(&now, m))
		return false;
	/* The password was right for this one, or it never will be. */
	if (a->tries && !challenge_is_new(&a->latest, &now))
		return false;
	a->tries++;
	a->latest = a->t->challenge = now;
	a->hop.peer = a->hop.tp == SIP_UDP ? a->hop.peer : m->src;
	return !send_it(a, ++*a->seq);
}

static void answered(int err, const struct sip_msg *m, void *arg)
{
	struct ask *a = arg;
	ctxn_h *h = a->h;
	void *of = a->arg;

	if (m) {
		trunk_heard(a->t);
		if ((m->scode == 401 || m->scode == 407) && again(a, m))
			return;
	}
	if (!m || m->scode >= 200)
		mem_deref(a);
	h(err, m, of);
}

int trunk_ask(struct trunk *t, struct list *owner, struct ctxn **cp,
	      const struct hop *hop, const char *method, const char *uri,
	      struct mbuf *mb, uint32_t *seq, ctxn_h *h, void *arg)
{
	struct ask *a = mem_zalloc(sizeof(*a), ask_destructor);
	int err;

	if (!a)
		return ENOMEM;
	a->t = mem_ref(t);
	a->cp = cp;
	a->hop = *hop;
	a->seq = seq;
	a->h = h;
	a->arg = arg;
	list_append(owner, &a->le, a);
	err = str_dup(&a->method, method);
	if (!err)
		err = str_dup(&a->uri, uri);
	if (!err) {
		a->mb = mbuf_alloc(mb->end + 1);
		err = a->mb ? mbuf_write_mem(a->mb, mb->buf, mb->end) : ENOMEM;
	}
	if (!err)
		err = mbuf_write_u8(a->mb, 0); /* so that it is text */
	if (!err) {
		a->mb->end--;
		err = send_it(a, *seq);
	}
	if (err)
		mem_deref(a);
	return err;
}
