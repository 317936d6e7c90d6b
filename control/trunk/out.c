/* SPDX-License-Identifier: Apache-2.0 */
/* control/trunk/out.c - a number's way out: which trunks, and what is sent.
 * RFC 3325 (P-Asserted-Identity), 3323 (Privacy), 6442 (Geolocation). */
#include <stdio.h>
#include <string.h>
#include "control/trunk/impl.h"

#define ANONYMOUS "\"Anonymous\" <sip:anonymous@anonymous.invalid>"

const char *trunk_host(const struct trunk *t)
{
	return t->set.domain[0] ? t->set.domain : t->set.address;
}

struct mbuf *trunk_headers(const struct trunk *t, const char *method,
			   const char *uri, const char *callid, const char *tag,
			   uint32_t seq)
{
	struct mbuf *mb = mbuf_alloc(512);
	const char *host = trunk_host(t);
	int err;

	if (!mb)
		return NULL;
	err = mbuf_write_str(mb, "Max-Forwards: 70\r\n");
	if (t->set.user[0])
		err |= mbuf_printf(mb, "From: <sip:%s@%s>;tag=%s\r\n",
				   t->set.user, host, tag);
	else
		err |= mbuf_printf(mb, "From: <sip:%J>;tag=%s\r\n",
				   listener_addr(t->hop.via), tag);
	if (strcmp(method, "REGISTER"))
		err |= mbuf_printf(mb, "To: <%s>\r\n", uri);
	else
		err |= mbuf_printf(mb, "To: <sip:%s@%s>\r\n", t->set.user,
				   host);
	err |= mbuf_printf(mb,
			   "Call-ID: %s\r\nCSeq: %u %s\r\n"
			   "User-Agent: Sallyport\r\n",
			   callid, seq, method);
	return err ? mem_deref(mb) : mb;
}

/* A caller's number as this trunk is told it. */
static void caller_number(char out[NUMBER_MAX], const struct trunk *t,
			  const char *number)
{
	const struct number_plan *plan = &t->all->cfg.plan;
	struct number n;

	out[0] = '\0';
	if (number_read(&n, plan, number, strlen(number)) > NUMBER_INTERNAL)
		number_print(out, &n, plan, (enum number_format)t->set.format);
}

void trunk_invite(struct trunk_invite *out, const struct trunk *t,
		  const struct number *number, const struct trunk_caller *from,
		  bool emergency)
{
	const struct trunks *ts = t->all;
	const char *host = trunk_host(t), *location = ts->cfg.location;
	char called[NUMBER_MAX], caller[NUMBER_MAX];
	size_t n = 0;

	number_print(called, number, &ts->cfg.plan,
		     (enum number_format)t->set.format);
	if (emergency)
		strcpy(called, number->dialled);
	caller_number(caller, t,
		      from->number[0] ? from->number : t->set.caller);
	snprintf(out->uri, sizeof(out->uri), "sip:%s@%s;user=phone", called,
		 host);
	snprintf(out->to, sizeof(out->to), "<sip:%s@%s;user=phone>", called,
		 host);
	if (from->anonymous && !emergency)
		snprintf(out->from, sizeof(out->from), ANONYMOUS);
	else if (t->set.from == FROM_ACCOUNT || (!caller[0] && t->set.user[0]))
		snprintf(out->from, sizeof(out->from), "<sip:%s@%s>",
			 t->set.user, host);
	else if (caller[0])
		snprintf(out->from, sizeof(out->from), "<sip:%s@%s;user=phone>",
			 caller, host);
	else
		snprintf(out->from, sizeof(out->from), ANONYMOUS);

	out->lines[0] = '\0';
	if (caller[0])
		n += (size_t)snprintf(
			out->lines, sizeof(out->lines),
			"P-Asserted-Identity: <sip:%s@%s;user=phone>\r\n"
			"Privacy: %s\r\n",
			caller, host, from->anonymous ? "id" : "none");
	if (emergency)
		n += (size_t)snprintf(out->lines + n, sizeof(out->lines) - n,
				      "Priority: emergency\r\n");
	if (emergency && location)
		snprintf(out->lines + n, sizeof(out->lines) - n,
			 "Geolocation: <%s>\r\nGeolocation-Routing: yes\r\n",
			 location);
}

static bool is_in(const struct trunks_way *way, const struct trunk *t)
{
	for (unsigned i = 0; i < way->n; i++)
		if (way->trunk[i] == t)
			return true;
	return false;
}

static void add(struct trunks_way *way, struct trunk *t, bool down)
{
	if (t && t->state != TRUNK_OFF && (t->state == TRUNK_DOWN) == down &&
	    way->n < ROUTE_TRUNKS && !is_in(way, t))
		way->trunk[way->n++] = t;
}

bool trunks_is_emergency(const struct trunks *ts, const struct number *number)
{
	return route_is_emergency(ts->routes, ts->n_routes, number);
}

void trunks_way(const struct trunks *ts, const struct number *number,
		struct trunks_way *way)
{
	struct route_choice c;
	struct le *le;

	memset(way, 0, sizeof(*way));
	route_choose(&c, ts->routes, ts->n_routes, number);
	way->emergency = c.emergency;
	way->blocked = c.blocked;
	strcpy(way->prefix, c.prefix);
	/* One that is down may be back already: better late than not at all. */
	for (int down = 0; down <= 1; down++) {
		for (unsigned i = 0; i < c.n; i++)
			add(way, trunks_find(ts, c.trunk[i]), down);
		LIST_FOREACH (&ts->list, le)
			if (c.emergency)
				add(way, le->data, down);
	}
}
