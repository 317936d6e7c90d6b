/* SPDX-License-Identifier: Apache-2.0 */
/* Lines: appended, replaced, removed; attributes, m=, o= and c= on top. */
#include <arpa/inet.h>
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "control/sdp/doc.h"

int sdp_line_append(struct sdp *s, struct section *sec, char type, char *v,
		    size_t len, bool own)
{
	if (s->n_lines >= SDP_LINES_MAX)
		return EMSGSIZE;
	if (sec->n == sec->room) {
		unsigned room = sec->room ? sec->room * 2 : 16;
		struct line *l = reallocarray(sec->line, room, sizeof(*l));

		if (!l)
			return ENOMEM;
		sec->line = l;
		sec->room = room;
	}
	sec->line[sec->n++] = (struct line){type, own, (uint32_t)len, v};
	s->n_lines++;
	return 0;
}

void sdp_line_drop(struct line *l)
{
	if (!l->own)
		return;
	explicit_bzero(l->v, l->len);
	free(l->v);
}

int sdp_line_replace(struct line *l, const char *v, size_t len)
{
	char *copy;

	if (len > SDP_LINE_MAX)
		return EMSGSIZE;
	copy = malloc(len ? len : 1);
	if (!copy)
		return ENOMEM;
	memcpy(copy, v, len);
	sdp_line_drop(l);
	*l = (struct line){l->type, true, (uint32_t)len, copy};
	/* The compound literal has taken it over. */
	/* cppcheck-suppress memleak */
	return 0;
}

void sdp_lines_remove(struct sdp *s, int section,
		      bool (*drop)(char type, struct sdp_view value, void *arg),
		      void *arg)
{
	struct section *sec = sdp_section(s, section);
	unsigned first = section == SDP_SESSION ? 0 : 1, kept = first;

	for (unsigned i = first; i < sec->n; i++) {
		struct line *l = &sec->line[i];

		if (drop(l->type, line_view(l), arg)) {
			sdp_line_drop(l);
			s->n_lines--;
		} else {
			sec->line[kept++] = *l;
		}
	}
	if (sec->n)
		sec->n = kept;
}

/* ------------------------------------------------------------- attributes */

static struct sdp_attr attr_split(struct sdp_view v)
{
	const char *colon = v.len ? memchr(v.p, ':', v.len) : NULL;
	struct sdp_attr a = {.name = v, .value = {v.p + v.len, 0}};

	if (colon) {
		a.name.len = (size_t)(colon - v.p);
		a.value.p = colon + 1;
		a.value.len = v.len - a.name.len - 1;
	}
	return a;
}

bool sdp_attr_next(const struct sdp *s, int section, unsigned *pos,
		   struct sdp_attr *out)
{
	const struct section *sec = sdp_csection(s, section);

	while (*pos < sec->n) {
		const struct line *l = &sec->line[(*pos)++];

		if (l->type == 'a') {
			*out = attr_split(line_view(l));
			return true;
		}
	}
	return false;
}

bool sdp_attr_find(const struct sdp *s, int section, const char *name,
		   struct sdp_view *value)
{
	struct sdp_attr a;

	for (unsigned pos = 0; sdp_attr_next(s, section, &pos, &a);) {
		if (sdp_view_eq(a.name, name)) {
			*value = a.value;
			return true;
		}
	}
	return false;
}

int sdp_attr_add(struct sdp *s, int section, const char *text)
{
	size_t len = strlen(text);
	char *v;
	int err;

	if (len == 0 || strpbrk(text, "\r\n"))
		return EINVAL;
	if (len > SDP_LINE_MAX)
		return EMSGSIZE;
	v = malloc(len);
	if (!v)
		return ENOMEM;
	memcpy(v, text, len);
	err = sdp_line_append(s, sdp_section(s, section), 'a', v, len, true);
	if (err) {
		explicit_bzero(v, len);
		free(v);
	}
	return err;
}

struct removal {
	const char *name;
	unsigned n;
};

static bool attr_named(char type, struct sdp_view v, void *arg)
{
	struct removal *r = arg;

	if (type != 'a' || !sdp_view_eq(attr_split(v).name, r->name))
		return false;
	r->n++;
	return true;
}

unsigned sdp_attr_remove(struct sdp *s, int section, const char *name)
{
	struct removal r = {name, 0};

	sdp_lines_remove(s, section, attr_named, &r);
	return r.n;
}

/* ----------------------------------------------------------- m=, o=, c= */

unsigned sdp_media_count(const struct sdp *s)
{
	return s->n_sec - 1;
}

const char *sdp_mline_parse(struct sdp_view v, struct sdp_mline *out)
{
	struct sdp_view port;
	const char *slash;
	uint32_t n;

	if (!sdp_view_word(&v, &out->kind) || !sdp_view_word(&v, &port) ||
	    !sdp_view_word(&v, &out->proto))
		return "m= needs kind, port, profile and formats";
	slash = memchr(port.p, '/', port.len);
	if (slash) {
		struct sdp_view count = {
			slash + 1, port.len - 1 - (size_t)(slash - port.p)};

		port.len = (size_t)(slash - port.p);
		if (!sdp_view_u32(count, 65535, &n) || n != 1)
			return "m= with several ports isn't possible here";
	}
	if (!sdp_view_u32(port, 65535, &n))
		return "the port of m= isn't a number up to 65535";
	while (v.len && *v.p == ' ') {
		v.p++;
		v.len--;
	}
	if (v.len == 0)
		return "m= without a format";
	out->fmts = v;
	out->port = (uint16_t)n;
	return NULL;
}

void sdp_mline(const struct sdp *s, unsigned m, struct sdp_mline *out)
{
	/* it was checked when parsed, and edits keep it so */
	(void)sdp_mline_parse(line_view(&sdp_csection(s, (int)m)->line[0]),
			      out);
}

int sdp_mline_set(struct sdp *s, unsigned m, uint16_t port, const char *proto)
{
	struct line *l = &sdp_section(s, (int)m)->line[0];
	char text[SDP_LINE_MAX];
	struct sdp_mline old;
	int n;

	sdp_mline(s, m, &old);
	if (proto)
		old.proto = (struct sdp_view){proto, strlen(proto)};
	n = snprintf(text, sizeof(text), "%.*s %u %.*s %.*s", (int)old.kind.len,
		     old.kind.p, port, (int)old.proto.len, old.proto.p,
		     (int)old.fmts.len, old.fmts.p);
	if (n < 0 || (size_t)n >= sizeof(text))
		return EMSGSIZE;
	return sdp_line_replace(l, text, (size_t)n);
}

int sdp_mline_add(struct sdp *s, const char *kind)
{
	static const char nowhere[] = "IN IP4 0.0.0.0";
	struct section *sec = &s->sec[s->n_sec];
	char text[64], *v;
	int err;

	if (sdp_media_count(s) == SDP_MEDIA_MAX)
		return EMSGSIZE;
	snprintf(text, sizeof(text), "%s 0 RTP/AVP 0", kind);
	v = strdup(text);
	if (!v)
		return ENOMEM;
	err = sdp_line_append(s, sec, 'm', v, strlen(v), true);
	if (err) {
		free(v);
		return err;
	}
	s->n_sec++;
	/* there need not be one for the whole session */
	return sdp_line_append(s, sec, 'c', (char *)nowhere, strlen(nowhere),
			       false);
}

void sdp_mlines_cut(struct sdp *s, unsigned n)
{
	while (sdp_media_count(s) > n) {
		struct section *sec = &s->sec[--s->n_sec];

		for (unsigned i = 0; i < sec->n; i++)
			sdp_line_drop(&sec->line[i]);
		s->n_lines -= sec->n;
		free(sec->line);
		memset(sec, 0, sizeof(*sec));
	}
}

static int addr_print(char *out, size_t size, uint8_t family,
		      const uint8_t addr[16])
{
	char text[INET6_ADDRSTRLEN];

	inet_ntop(family == 6 ? AF_INET6 : AF_INET, addr, text, sizeof(text));
	return snprintf(out, size, "IN IP%c %s", family == 6 ? '6' : '4', text);
}

int sdp_subject_set(struct sdp *s, const char *text)
{
	struct section *sec = &s->sec[0];

	for (unsigned i = 0; i < sec->n; i++)
		if (sec->line[i].type == 's')
			return sdp_line_replace(&sec->line[i], text,
						strlen(text));
	return EINVAL;
}

int sdp_origin_set(struct sdp *s, const char *user, uint64_t id,
		   uint64_t version, uint8_t family, const uint8_t addr[16])
{
	struct section *sec = &s->sec[0];
	char where[64], text[256];
	int n;

	addr_print(where, sizeof(where), family, addr);
	n = snprintf(text, sizeof(text), "%s %" PRIu64 " %" PRIu64 " %s", user,
		     id, version, where);
	if (n < 0 || (size_t)n >= sizeof(text))
		return EMSGSIZE;
	for (unsigned i = 0; i < sec->n; i++)
		if (sec->line[i].type == 'o')
			return sdp_line_replace(&sec->line[i], text, (size_t)n);
	return EINVAL;
}

const char *sdp_conn_parse(struct sdp_view v, struct sdp_addr *out)
{
	struct sdp_view net, type, addr;
	char text[INET6_ADDRSTRLEN];
	const char *slash;

	memset(out, 0, sizeof(*out));
	if (!sdp_view_word(&v, &net) || !sdp_view_word(&v, &type) ||
	    !sdp_view_word(&v, &addr) || !sdp_view_eq(net, "IN"))
		return "c= needs IN, IP4 or IP6, and an address";
	slash = memchr(addr.p, '/', addr.len); /* multicast: /ttl, /count */
	if (slash)
		addr.len = (size_t)(slash - addr.p);
	if (sdp_view_eq(type, "IP4"))
		out->family = 4;
	else if (sdp_view_eq(type, "IP6"))
		out->family = 6;
	else
		return "c= is neither IP4 nor IP6";
	sdp_view_copy(addr, text, sizeof(text));
	if (addr.len >= sizeof(text) ||
	    inet_pton(out->family == 6 ? AF_INET6 : AF_INET, text, out->addr) !=
		    1)
		memset(out, 0, sizeof(*out)); /* a host name */
	return NULL;
}

static const struct line *conn_line(const struct section *sec)
{
	for (unsigned i = 0; i < sec->n; i++)
		if (sec->line[i].type == 'c')
			return &sec->line[i];
	return NULL;
}

bool sdp_conn(const struct sdp *s, unsigned m, struct sdp_addr *out)
{
	const struct line *l = conn_line(sdp_csection(s, (int)m));

	if (!l)
		l = conn_line(&s->sec[0]);
	return l && !sdp_conn_parse(line_view(l), out);
}

int sdp_conn_set(struct sdp *s, const struct sdp_addr *a)
{
	char text[64];
	int n = addr_print(text, sizeof(text), a->family, a->addr);

	for (unsigned i = 0; i < s->n_sec; i++) {
		for (unsigned j = 0; j < s->sec[i].n; j++) {
			struct line *l = &s->sec[i].line[j];
			int err;

			if (l->type != 'c')
				continue;
			err = sdp_line_replace(l, text, (size_t)n);
			if (err)
				return err;
		}
	}
	return 0;
}
