/* SPDX-License-Identifier: Apache-2.0 */
/* What control may ask, and the items of each reply: two tables' worth of small
 * functions. Every field of a request is validated, here as far as it is a
 * message, in flow/validate.c as far as it is about transports and streams. */
#include <stdio.h>
#include <string.h>
#include "dataplane/app/control_request.h"
#include "dataplane/app/log.h"

static uint64_t read64(const uint64_t *p)
{
	return __atomic_load_n(p, __ATOMIC_RELAXED);
}

static bool item_transport(struct control_socket *s, struct sp_msg *out)
{
	return table_transport_next(s->table, &s->reply.at,
				    &out->body.transport);
}

static bool item_stream(struct control_socket *s, struct sp_msg *out)
{
	return table_stream_next(s->table, &s->reply.at, &out->body.stream);
}

static bool item_stats(struct control_socket *s, struct sp_msg *out)
{
	if (s->reply.at++ > 0)
		return false;
	return table_stats(s->table, s->reply.id, &out->body.stats) == SP_OK;
}

static bool item_port(struct control_socket *s, struct sp_msg *out)
{
	if (s->reply.at >= s->ports->n)
		return false;
	port_describe(&s->ports->port[s->reply.at++], &out->body.port);
	return true;
}

static bool item_verdict(struct control_socket *s, struct sp_msg *out)
{
	struct sp_verdict_count *v = &out->body.verdict;
	uint32_t i = s->reply.at++;

	if (i >= VERDICT_COUNT)
		return false;
	snprintf(v->name, sizeof(v->name), "%s", verdict_info[i].name);
	snprintf(v->unit, sizeof(v->unit), "packets");
	snprintf(v->meaning, sizeof(v->meaning), "%s", verdict_info[i].meaning);
	v->severity = verdict_info[i].severity;
	for (unsigned w = 0; w < s->n_workers; w++)
		v->count += read64(&s->workers[w].count[i]);
	return true;
}

static bool item_worker(struct control_socket *s, struct sp_msg *out)
{
	struct sp_worker *o = &out->body.worker;
	const struct worker *w;

	if (s->reply.at >= s->n_workers)
		return false;
	w = &s->workers[s->reply.at++];
	o->id = (uint16_t)w->id;
	o->lcore = (uint16_t)w->lcore;
	/* the idle ones first: never more of them than turns */
	o->idle_turns = read64(&w->idle_turns);
	o->turns = read64(&w->turns);
	return true;
}

static bool item_greeting(struct control_socket *s, struct sp_msg *out)
{
	struct sp_greeting *g = &out->body.greeting;

	if (s->reply.at++ > 0)
		return false;
	g->instance = s->instance;
	g->transports_max = s->cfg.transports;
	g->streams_max = s->cfg.streams;
	g->n_workers = (uint16_t)s->n_workers;
	g->started = s->started;
	g->n_media = (uint16_t)ports_media(s->ports, s->cfg.udp_first,
					   s->cfg.udp_last, g->media);
	return true;
}

typedef int request_f(struct control_socket *s, const union sp_body *b,
		      char text[SP_TEXT_MAX]);

static int do_hello(struct control_socket *s, const union sp_body *b,
		    char text[SP_TEXT_MAX])
{
	(void)text;
	s->hello = true;
	snprintf(s->name, sizeof(s->name), "%.*s", (int)sizeof(s->name) - 1,
		 b->hello.name);
	for (char *c = s->name; *c; c++)
		if (*c < ' ' || *c > '~')
			*c = '?';
	log_line(LOG_INFO, "control: %s is connected", s->name);
	return SP_OK;
}

static int do_transport_add(struct control_socket *s, const union sp_body *b,
			    char text[SP_TEXT_MAX])
{
	return table_transport_add(s->table, &b->transport, text);
}

static int do_transport_change(struct control_socket *s, const union sp_body *b,
			       char text[SP_TEXT_MAX])
{
	return table_transport_change(s->table, &b->transport, text);
}

static int do_transport_remove(struct control_socket *s, const union sp_body *b,
			       char text[SP_TEXT_MAX])
{
	return table_transport_remove(s->table, b->id.id, text);
}

static int do_stream_add(struct control_socket *s, const union sp_body *b,
			 char text[SP_TEXT_MAX])
{
	return table_stream_add(s->table, &b->stream, text);
}

static int do_stream_change(struct control_socket *s, const union sp_body *b,
			    char text[SP_TEXT_MAX])
{
	return table_stream_change(s->table, &b->stream, text);
}

static int do_stream_remove(struct control_socket *s, const union sp_body *b,
			    char text[SP_TEXT_MAX])
{
	return table_stream_remove(s->table, b->id.id, text);
}

static int do_key_add(struct control_socket *s, const union sp_body *b,
		      char text[SP_TEXT_MAX])
{
	return table_key_add(s->table, &b->key_add, text);
}

static int do_key_retire(struct control_socket *s, const union sp_body *b,
			 char text[SP_TEXT_MAX])
{
	return table_key_retire(s->table, &b->key_retire, text);
}

static int do_inject(struct control_socket *s, const union sp_body *b,
		     char text[SP_TEXT_MAX])
{
	return punt_inject(&s->punt, &b->datagram, text);
}

static int do_stats(struct control_socket *s, const union sp_body *b,
		    char text[SP_TEXT_MAX])
{
	struct sp_stats stats;

	s->reply.id = b->id.id;
	if (table_stats(s->table, b->id.id, &stats) == SP_OK)
		return SP_OK;
	snprintf(text, SP_TEXT_MAX, "id: no stream %llu",
		 (unsigned long long)b->id.id);
	return SP_ENOENT;
}

static int do_list(struct control_socket *s, const union sp_body *b,
		   char text[SP_TEXT_MAX])
{
	(void)s;
	(void)b;
	(void)text;
	return SP_OK;
}

/* What control may say, and what it hears. */
static const struct request {
	request_f *f;
	item_f *item;
	uint16_t item_type, end;
} requests[] = {
	[SP_HELLO] = {do_hello, item_greeting, SP_GREETING, SP_GREETING},
	[SP_TRANSPORT_ADD] = {do_transport_add, NULL, 0, SP_DONE},
	[SP_TRANSPORT_CHANGE] = {do_transport_change, NULL, 0, SP_DONE},
	[SP_TRANSPORT_REMOVE] = {do_transport_remove, NULL, 0, SP_DONE},
	[SP_TRANSPORT_LIST] = {do_list, item_transport, SP_TRANSPORT_ITEM,
			       SP_DONE},
	[SP_STREAM_ADD] = {do_stream_add, NULL, 0, SP_DONE},
	[SP_STREAM_CHANGE] = {do_stream_change, NULL, 0, SP_DONE},
	[SP_STREAM_REMOVE] = {do_stream_remove, NULL, 0, SP_DONE},
	[SP_STREAM_LIST] = {do_list, item_stream, SP_STREAM_ITEM, SP_DONE},
	[SP_STREAM_STATS] = {do_stats, item_stats, SP_STATS_ITEM, SP_DONE},
	[SP_PORT_LIST] = {do_list, item_port, SP_PORT_ITEM, SP_DONE},
	[SP_VERDICT_LIST] = {do_list, item_verdict, SP_VERDICT_ITEM, SP_DONE},
	[SP_WORKER_LIST] = {do_list, item_worker, SP_WORKER_ITEM, SP_DONE},
	[SP_KEY_ADD] = {do_key_add, NULL, 0, SP_DONE},
	[SP_KEY_RETIRE] = {do_key_retire, NULL, 0, SP_DONE},
	[SP_INJECT] = {do_inject, NULL, 0, SP_DONE},
};

#define REQUESTS (sizeof(requests) / sizeof(requests[0]))

/* Is it a message at all, of this abi, of a type that control may send, and as
 * long as that type is? */
static int check(const struct control_socket *s, const struct sp_msg *m,
		 size_t n, char text[SP_TEXT_MAX])
{
	const struct sp_hdr *h = &m->hdr;
	int status = SP_EINVAL;

	if (h->version != SP_ABI_VERSION) {
		status = SP_EVERSION;
		snprintf(text, SP_TEXT_MAX, "version: %u, this end speaks %d",
			 h->version, SP_ABI_VERSION);
	} else if (h->type >= REQUESTS || !requests[h->type].f) {
		snprintf(text, SP_TEXT_MAX, "type: 0x%x is no request",
			 h->type);
	} else if (h->seq == 0) {
		snprintf(text, SP_TEXT_MAX, "seq: 0 is for events");
	} else if (h->size != (uint32_t)sp_body_size(h->type) ||
		   n != sizeof(*h) + h->size) {
		snprintf(text, SP_TEXT_MAX,
			 "size: %u and %zu octets, must be %d and %zu", h->size,
			 n, sp_body_size(h->type),
			 sizeof(*h) + (size_t)sp_body_size(h->type));
	} else if (h->type != SP_HELLO && !s->hello) {
		snprintf(text, SP_TEXT_MAX, "type: HELLO comes first");
	} else {
		status = SP_OK;
	}
	return status;
}

void control_request(struct control_socket *s, const struct sp_msg *m, size_t n)
{
	struct reply *r = &s->reply;
	const struct request *q;

	*r = (struct reply){.busy = true, .end = SP_DONE, .seq = m->hdr.seq};
	r->done.status = (uint32_t)check(s, m, n, r->done.text);
	if (r->done.status != SP_OK)
		return;
	q = &requests[m->hdr.type];
	r->end = q->end;
	r->done.status = (uint32_t)q->f(s, &m->body, r->done.text);
	if (r->done.status == SP_OK) {
		r->item = q->item;
		r->type = q->item_type;
	}
}
