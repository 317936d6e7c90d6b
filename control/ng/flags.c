/* SPDX-License-Identifier: Apache-2.0 */
/* The table of flags: every name that proxies use in practice, what it does,
 * and which of them need nothing done. README.md beside this says the same to
 * people, and a test holds the two together. */
#include "control/ng/flags.h"
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

enum kind {
	TEXT,	/* a struct pl */
	LIST,	/* a struct flags_list, to which each value is added */
	SWITCH, /* a bool, true where the name stands */
	NUMBER, /* an int */
	NOTHING /* understood, and there is nothing to do */
};

struct row {
	const char *name;
	enum kind kind;
	size_t at; /* in struct ng_flags */
};

#define AT(member) offsetof(struct ng_flags, member)

/* clang-format off */
static const struct row table[] = {
	/* whom and what it is about */
	{"command",             TEXT,   AT(command)},
	{"sdp",                 TEXT,   AT(sdp)},
	{"call-id",             TEXT,   AT(call_id)},
	{"from-tag",            TEXT,   AT(from_tag)},
	{"from-tags",           LIST,   AT(from_tags)},
	{"to-tag",              TEXT,   AT(to_tag)},
	{"via-branch",          TEXT,   AT(via_branch)},
	{"label",               TEXT,   AT(label)},
	{"set-label",           TEXT,   AT(set_label)},
	{"from-label",          TEXT,   AT(from_label)},
	{"to-label",            TEXT,   AT(to_label)},
	{"metadata",            TEXT,   AT(metadata)},
	{"supports",            LIST,   AT(supports)},
	{"force-answer",        SWITCH, AT(force_answer)},
	{"fatal",               SWITCH, AT(fatal)},
	{"all",                 SWITCH, AT(all)},
	{"limit",               NUMBER, AT(limit)},
	{"delete-delay",        NUMBER, AT(delete_delay)},

	/* addresses */
	{"direction",           LIST,   AT(direction)},
	{"interface",           LIST,   AT(direction)},
	{"received-from",       LIST,   AT(received)},
	{"SIP-source-address",  SWITCH, AT(sip_source)},
	{"address-family",      TEXT,   AT(family)},
	{"media-address",       TEXT,   AT(media_address)},
	{"strict-source",       SWITCH, AT(strict)},
	{"asymmetric",          SWITCH, AT(asymmetric)},
	{"media-handover",      SWITCH, AT(handover)},
	{"port-latching",       SWITCH, AT(handover)},
	{"TOS",                 NUMBER, AT(tos)},

	/* the transport towards the other side */
	{"transport-protocol",  TEXT,   AT(transport)},
	{"RTP",                 SWITCH, AT(rtp)},
	{"SRTP",                SWITCH, AT(srtp)},
	{"AVP",                 SWITCH, AT(avp)},
	{"AVPF",                SWITCH, AT(avpf)},
	{"SDES",                LIST,   AT(sdes)},
	{"DTLS",                TEXT,   AT(dtls)},
	{"ICE",                 TEXT,   AT(ice)},
	{"rtcp-mux",            LIST,   AT(mux)},

	/* codecs */
	{"codec-strip",         LIST,   AT(codec_strip)},
	{"codec-except",        LIST,   AT(codec_except)},
	{"codec-offer",         LIST,   AT(codec_offer)},
	{"codec-mask",          LIST,   AT(codec_mask)},
	{"codec-consume",       LIST,   AT(codec_mask)},
	{"codec-transcode",     LIST,   AT(codec_transcode)},
	{"transcode",           LIST,   AT(codec_transcode)},
	{"codec-set",           LIST,   AT(codec_set)},

	/* media commands */
	{"record-call",         SWITCH, AT(record)},
	{"file",                TEXT,   AT(file)},
	{"blob",                TEXT,   AT(blob)},
	{"db-id",               TEXT,   AT(db_id)},
	{"code",                TEXT,   AT(code)},
	{"digit",               TEXT,   AT(code)},
	{"repeat-times",        NUMBER, AT(repeat_times)},
	{"duration",            NUMBER, AT(duration)},
	{"volume",              NUMBER, AT(volume)},
	{"pause",               NUMBER, AT(pause)},

	/* done always, whether asked for or not */
	{"replace",                     NOTHING, 0},
	{"trust-address",               NOTHING, 0},
	{"symmetric",                   NOTHING, 0},
	{"symmetric-codecs",            NOTHING, 0},
	{"single-codec",                NOTHING, 0},
	{"no-rtcp-attribute",           NOTHING, 0},
	{"full-rtcp-attribute",         NOTHING, 0},
	{"loop-protect",                NOTHING, 0},
	{"unidirectional",              NOTHING, 0},
	{"directional",                 NOTHING, 0},
	{"generate-RTCP",               NOTHING, 0},
	{"original-sendrecv",           NOTHING, 0},
	{"allow-transcoding",           NOTHING, 0},
	{"codec-accept",                NOTHING, 0},
	{"SIPREC",                      NOTHING, 0},

	/* what the proxy says of itself */
	{"sip-message-type",            NOTHING, 0},
	{"user-agent",                  NOTHING, 0},
	{"sip-code",                    NOTHING, 0},
	{"drop-traffic",                NOTHING, 0},
	{"xmlrpc-callback",             NOTHING, 0},
	{"output-destination",          NOTHING, 0},
};
/* clang-format on */

/* Words by themselves that are the value of something. */
static const struct {
	const char *word, *name;
} values[] = {
	{"internal", "direction"},
	{"external", "direction"},
	{"RTP/AVP", "transport-protocol"},
	{"RTP/AVPF", "transport-protocol"},
	{"RTP/SAVP", "transport-protocol"},
	{"RTP/SAVPF", "transport-protocol"},
	{"UDP/TLS/RTP/SAVP", "transport-protocol"},
	{"UDP/TLS/RTP/SAVPF", "transport-protocol"},
};

static char fold(char c)
{
	if (c >= 'A' && c <= 'Z')
		return (char)(c - 'A' + 'a');
	return c == ' ' || c == '_' ? '-' : c;
}

/* Does a begin with b? */
static bool begins(struct pl a, const char *b)
{
	size_t n = strlen(b);

	if (a.l < n)
		return false;
	for (size_t i = 0; i < n; i++)
		if (fold(a.p[i]) != fold(b[i]))
			return false;
	return true;
}

bool flags_same(struct pl a, const char *b)
{
	return a.l == strlen(b) && begins(a, b);
}

bool flags_has(const struct flags_list *l, const char *word)
{
	for (unsigned i = 0; i < l->n; i++)
		if (flags_same(l->v[i], word))
			return true;
	return false;
}

static const struct row *row_find(struct pl name)
{
	for (size_t i = 0; i < ARRAY_SIZE(table); i++)
		if (flags_same(name, table[i].name))
			return &table[i];
	return NULL;
}

/* "codec-strip-opus": the row of codec-strip, and *value the rest. */
static const struct row *row_prefix(struct pl word, struct pl *value)
{
	for (size_t i = 0; i < ARRAY_SIZE(table); i++) {
		size_t n = strlen(table[i].name);

		if (table[i].kind != LIST && table[i].kind != TEXT &&
		    table[i].kind != NOTHING)
			continue;
		if (!begins(word, table[i].name) || word.l < n + 2 ||
		    fold(word.p[n]) != '-')
			continue;
		value->p = word.p + n + 1;
		value->l = word.l - n - 1;
		return &table[i];
	}
	return NULL;
}

static int number(struct pl v)
{
	char text[16], *end;
	long n;

	if (v.l == 0 || v.l >= sizeof(text))
		return -1;
	memcpy(text, v.p, v.l);
	text[v.l] = '\0';
	n = strtol(text, &end, 10);
	return *end || n < 0 || n > 1000000000 ? -1 : (int)n;
}

static bool truth(struct pl v)
{
	return !flags_same(v, "no") && !flags_same(v, "off") &&
	       !flags_same(v, "0") && !flags_same(v, "false") &&
	       !flags_same(v, "none");
}

static void set(struct ng_flags *f, const struct row *r, struct pl v)
{
	void *at = (char *)f + r->at;
	struct flags_list *l = at;

	switch (r->kind) {
	case TEXT:
		*(struct pl *)at = v;
		break;
	case LIST:
		if (v.l && l->n < FLAGS_LIST_MAX)
			l->v[l->n++] = v;
		break;
	case SWITCH:
		*(bool *)at = truth(v);
		break;
	case NUMBER:
		*(int *)at = number(v);
		break;
	case NOTHING:
		break;
	}
}

struct reading {
	struct ng_flags *f;
	flags_unknown_h *unknown;
	void *arg;
};

/* A word of `flags` or `rtpp-flags`: name, name=value, or name-value. */
static void word(const struct reading *r, struct pl w)
{
	const char *equals = w.l ? memchr(w.p, '=', w.l) : NULL;
	struct pl name = w, value = {NULL, 0};
	const struct row *row;

	if (equals) {
		name.l = (size_t)(equals - w.p);
		value.p = equals + 1;
		value.l = w.l - name.l - 1;
	}
	for (size_t i = 0; !equals && i < ARRAY_SIZE(values); i++) {
		struct pl of = {values[i].name, strlen(values[i].name)};

		if (!flags_same(w, values[i].word))
			continue;
		set(r->f, row_find(of), w);
		return;
	}
	if (!equals && flags_same(w, "DTLS")) { /* as a transport's half */
		r->f->dtls_srtp = true;
		return;
	}
	row = row_find(name);
	if (!row && !equals)
		row = row_prefix(w, &value);
	if (row)
		set(r->f, row, value);
	else if (w.l)
		r->unknown(name, r->arg);
}

/* Words with spaces between. */
static void words(const struct reading *r, struct pl text)
{
	while (text.l) {
		const char *space = memchr(text.p, ' ', text.l);
		struct pl w = {text.p,
			       space ? (size_t)(space - text.p) : text.l};

		word(r, w);
		w.l += space ? 1 : 0;
		text.p += w.l;
		text.l -= w.l;
	}
}

static struct pl text_of(const json_t *v)
{
	return (struct pl){json_string_value(v), json_string_length(v)};
}

/* One key of the dictionary. @return false: a type that it can't have. */
static bool keyed(const struct reading *r, struct pl name, const json_t *v)
{
	const struct row *row = row_find(name);

	if (!row) {
		r->unknown(name, r->arg);
		return true;
	}
	if (json_is_integer(v) && row->kind == NUMBER) {
		json_int_t n = json_integer_value(v);

		*(int *)((char *)r->f + row->at) =
			n < 0 || n > 1000000000 ? -1 : (int)n;
		return true;
	}
	if (json_is_string(v)) {
		set(r->f, row, text_of(v));
		return true;
	}
	if (json_is_array(v)) {
		for (size_t i = 0; i < json_array_size(v); i++)
			if (json_is_string(json_array_get(v, i)))
				set(r->f, row, text_of(json_array_get(v, i)));
		return true;
	}
	if (row->kind == SWITCH && !json_is_object(v)) {
		bool on = json_is_true(v) || json_integer_value(v) != 0;

		*(bool *)((char *)r->f + row->at) = on;
		return true;
	}
	return row->kind == NOTHING;
}

/* The dictionary `codec`: {"strip": ["all"], "offer": [...]}. */
static bool codecs(const struct reading *r, const json_t *dict)
{
	char full[32];
	const char *name;
	json_t *v;

	json_object_foreach ((json_t *)dict, name, v) {
		struct pl pl = {full, 0};
		int n = re_snprintf(full, sizeof(full), "codec-%s", name);

		pl.l = n > 0 ? (size_t)n : 0;
		if (!pl.l)
			continue;
		if (!row_find(pl)) {
			r->unknown(pl, r->arg);
			continue;
		}
		if (!keyed(r, pl, v))
			return false;
	}
	return json_is_object(dict);
}

const char *flags_read(struct ng_flags *f, const json_t *dict,
		       flags_unknown_h *unknown, void *arg)
{
	const struct reading r = {f, unknown, arg};
	const char *name;
	json_t *v;

	memset(f, 0, sizeof(*f));
	f->tos = f->delete_delay = f->limit = -1;
	f->repeat_times = f->duration = f->volume = f->pause = -1;
	json_object_foreach ((json_t *)dict, name, v) {
		struct pl pl = {name, strlen(name)};

		if (flags_same(pl, "codec")) {
			if (!codecs(&r, v))
				return "codec isn't a dictionary of lists";
		} else if (flags_same(pl, "rtpp-flags") ||
			   (flags_same(pl, "flags") && json_is_string(v))) {
			if (!json_is_string(v))
				return "rtpp-flags isn't a string";
			words(&r, text_of(v));
		} else if (flags_same(pl, "flags")) {
			if (!json_is_array(v))
				return "flags isn't a list";
			for (size_t i = 0; i < json_array_size(v); i++)
				if (json_is_string(json_array_get(v, i)))
					word(&r, text_of(json_array_get(v, i)));
		} else if (!keyed(&r, pl, v)) {
			return "a key's value has a type that it can't have";
		}
	}
	return NULL;
}
