/* SPDX-License-Identifier: Apache-2.0 */
/* A YAML file as a flat list of options: "control.sip.guard.ban": "600". */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <yaml.h>
#include "control/settings/impl.h"

#define NAME_MAX_LEN 256   /* octets of an option's name */
#define VALUE_MAX    8192  /* of a list of words */
#define NODES_MAX    10000 /* aliases can make much of little */

struct walk {
	yaml_document_t doc;
	json_t *out;
	unsigned nodes;
	char name[NAME_MAX_LEN];
	size_t len;
};

static const char *scalar(const yaml_node_t *n)
{
	return n && n->type == YAML_SCALAR_NODE
		       ? (const char *)n->data.scalar.value
		       : NULL;
}

static yaml_node_t *child(struct walk *w, int index)
{
	return yaml_document_get_node(&w->doc, index);
}

/* @return the name's former length; the name is too long where it stays. */
static size_t descend(struct walk *w, const char *fmt, const char *part)
{
	size_t was = w->len;
	int n = snprintf(w->name + was, sizeof(w->name) - was, fmt, part);

	if (n > 0 && (size_t)n < sizeof(w->name) - was)
		w->len += (size_t)n;
	else
		w->name[was] = '\0';
	return was;
}

static void ascend(struct walk *w, size_t was)
{
	w->len = was;
	w->name[was] = '\0';
}

static void put(struct walk *w, const char *value)
{
	json_object_set_new(w->out, w->name, json_string(value));
}

/* A list of words is one value. @return false: it holds other things. */
static bool words(struct walk *w, yaml_node_t *n)
{
	char value[VALUE_MAX] = "";
	size_t len = 0;

	for (yaml_node_item_t *i = n->data.sequence.items.start;
	     i < n->data.sequence.items.top; i++) {
		const char *word = scalar(child(w, *i));

		if (!word)
			return false;
		len += (size_t)snprintf(value + len, sizeof(value) - len,
					"%s%s", len ? ", " : "", word);
		if (len >= sizeof(value))
			len = sizeof(value) - 1;
	}
	put(w, value);
	return true;
}

/* What an entry of a list is known by. */
static const char *entry_name(struct walk *w, yaml_node_t *n, char *number,
			      size_t size, unsigned i)
{
	snprintf(number, size, "%u", i);
	if (n->type != YAML_MAPPING_NODE)
		return number;
	for (yaml_node_pair_t *p = n->data.mapping.pairs.start;
	     p < n->data.mapping.pairs.top; p++) {
		const char *key = scalar(child(w, p->key));
		const char *name = scalar(child(w, p->value));

		if (key && name && !strcmp(key, "name"))
			return name;
	}
	return number;
}

/* Depth is bounded by the length of names; what an alias repeats, by nodes. */
static bool walk(struct walk *w, yaml_node_t *n)
{
	size_t was;

	if (++w->nodes > NODES_MAX)
		return false;
	if (scalar(n)) {
		put(w, scalar(n));
		return true;
	}
	if (n->type == YAML_MAPPING_NODE) {
		for (yaml_node_pair_t *p = n->data.mapping.pairs.start;
		     p < n->data.mapping.pairs.top; p++) {
			const char *key = scalar(child(w, p->key));

			was = descend(w, w->len ? ".%s" : "%s", key ? key : "");
			if (w->len == was || !walk(w, child(w, p->value)))
				return false;
			ascend(w, was);
		}
		return true;
	}
	if (words(w, n))
		return true;
	for (yaml_node_item_t *i = n->data.sequence.items.start;
	     i < n->data.sequence.items.top; i++) {
		yaml_node_t *entry = child(w, *i);
		char number[16];

		was = descend(
			w, "[%s]",
			entry_name(
				w, entry, number, sizeof(number),
				(unsigned)(i - n->data.sequence.items.start)));
		if (w->len == was || !walk(w, entry))
			return false;
		ascend(w, was);
	}
	return true;
}

json_t *options_of(const char *text, size_t len, char *err, size_t errlen)
{
	struct walk w = {.out = NULL};
	yaml_parser_t parser;
	yaml_node_t *root;
	bool good;

	if (!yaml_parser_initialize(&parser)) {
		snprintf(err, errlen, "no memory");
		return NULL;
	}
	yaml_parser_set_input_string(&parser, (const unsigned char *)text, len);
	good = yaml_parser_load(&parser, &w.doc);
	if (!good)
		snprintf(err, errlen, "line %zu: expected YAML, but %s",
			 parser.problem_mark.line + 1,
			 parser.problem ? parser.problem : "found none");
	yaml_parser_delete(&parser);
	if (!good)
		return NULL;
	w.out = json_object();
	root = yaml_document_get_root_node(&w.doc);
	if (!w.out || !root || root->type != YAML_MAPPING_NODE ||
	    !walk(&w, root)) {
		snprintf(err, errlen,
			 "expected sections with options, of reasonable size");
		json_decref(w.out);
		w.out = NULL;
	}
	yaml_document_delete(&w.doc);
	return w.out;
}
