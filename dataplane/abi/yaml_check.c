// SPDX-License-Identifier: Apache-2.0
/* dataplane/abi/yaml_check.c - a file's tree held against a schema.
 *
 * libcyaml's own complaints name neither the field's full path nor what would
 * have been right, so what it would refuse is refused here first. */
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "dataplane/abi/yaml_check.h"

#define FIELD_MAX    192 /* octets of a field's full name */
#define EXPECTED_MAX 256
#define SHOWN_MAX    48 /* octets of a wrong value that are repeated */

/* Where the check stands, and where it says what is wrong. */
struct walk {
	struct conf *c;
	const struct conf_rule *rules;
	char *err;
	char field[FIELD_MAX]; /* "ports[1].mac" */
};

static bool check(struct walk *w, yaml_node_t *node,
		  const cyaml_schema_value_t *v);

static const char *text_of(const yaml_node_t *n)
{
	return (const char *)n->data.scalar.value;
}

__attribute__((format(printf, 3, 4))) static bool fail(struct walk *w,
						       const yaml_node_t *node,
						       const char *fmt, ...)
{
	size_t n = conf_say_where(w->c, w->field, conf_line_of(node), w->err);
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(w->err + n, CONF_ERROR_MAX - n, fmt, ap);
	va_end(ap);
	return false;
}

/* What a schema expects, in words. */

static void add(char out[EXPECTED_MAX], const char *s)
{
	size_t n = strlen(out);

	snprintf(out + n, EXPECTED_MAX - n, "%s", s);
}

static void list_keys(const cyaml_schema_field_t *f, char out[EXPECTED_MAX])
{
	for (const cyaml_schema_field_t *k = f; k->key; k++) {
		if (k != f)
			add(out, k[1].key ? ", " : " or ");
		add(out, k->key);
	}
}

static void list_words(const cyaml_schema_value_t *v, char out[EXPECTED_MAX])
{
	for (uint32_t i = 0; i < v->enumeration.count; i++) {
		if (i)
			add(out, i + 1 < v->enumeration.count ? ", " : " or ");
		add(out, v->enumeration.strings[i].str);
	}
}

static uint64_t uint_max(const cyaml_schema_value_t *v)
{
	return v->data_size >= 8 ? UINT64_MAX
				 : (UINT64_C(1) << (8 * v->data_size)) - 1;
}

static void describe(const cyaml_schema_value_t *v, char out[EXPECTED_MAX])
{
	out[0] = '\0';
	switch (v->type) {
	case CYAML_INT:
		add(out, "a whole number");
		break;
	case CYAML_UINT:
		snprintf(out, EXPECTED_MAX, "a number from 0 to %llu",
			 (unsigned long long)uint_max(v));
		break;
	case CYAML_FLOAT:
		add(out, "a number");
		break;
	case CYAML_BOOL:
		add(out, "yes or no");
		break;
	case CYAML_ENUM:
	case CYAML_FLAGS:
		list_words(v, out);
		break;
	case CYAML_STRING:
		if (v->string.max == CYAML_UNLIMITED)
			add(out, "text");
		else
			snprintf(out, EXPECTED_MAX, "%u to %u characters",
				 v->string.min, v->string.max);
		break;
	case CYAML_MAPPING:
		add(out, "fields such as ");
		add(out, v->mapping.fields[0].key);
		break;
	case CYAML_SEQUENCE:
	case CYAML_SEQUENCE_FIXED:
		if (v->sequence.max == CYAML_UNLIMITED)
			add(out, "a list");
		else
			snprintf(out, EXPECTED_MAX, "a list of %u to %u",
				 v->sequence.min, v->sequence.max);
		break;
	default:
		add(out, "something else");
	}
}

/** Does "ports[1].mac" match the rule "ports[].mac"? */
static bool rule_matches(const char *rule, const char *field)
{
	while (*rule && *rule == *field) {
		rule++;
		if (*field++ == '[')
			field += strspn(field, "0123456789");
	}
	return *rule == *field;
}

static const struct conf_rule *rule_for(const struct walk *w)
{
	for (const struct conf_rule *r = w->rules; r && r->field; r++)
		if (rule_matches(r->field, w->field))
			return r;
	return NULL;
}

/** The field holds something else than it should. */
static bool unexpected(struct walk *w, const yaml_node_t *node,
		       const cyaml_schema_value_t *v)
{
	const struct conf_rule *r = rule_for(w);
	char expected[EXPECTED_MAX];

	if (r)
		snprintf(expected, sizeof(expected), "%s", r->expected);
	else
		describe(v, expected);
	if (node->type == YAML_MAPPING_NODE)
		return fail(w, node, "expected %s, found fields.", expected);
	if (node->type == YAML_SEQUENCE_NODE)
		return fail(w, node, "expected %s, found %s.", expected,
			    v->type == CYAML_SEQUENCE ? "another number of them"
						      : "a list");
	if (!*text_of(node))
		return fail(w, node, "expected %s, found nothing.", expected);
	return fail(w, node, "expected %s, found \"%.*s\".", expected,
		    SHOWN_MAX, text_of(node));
}

/* Scalars. */

static bool is_number(const char *s, const cyaml_schema_value_t *v,
		      const struct conf_rule *r)
{
	uint64_t min = r ? r->min : 0, max = r && r->max ? r->max : UINT64_MAX;
	unsigned long long n;
	char *end;

	if (*s < '0' || *s > '9')
		return false; /* strtoull takes blanks and signs */
	errno = 0;
	n = strtoull(s, &end, 0);
	return !errno && !*end && n >= min && n <= max && n <= uint_max(v);
}

static bool is_signed(const char *s, const cyaml_schema_value_t *v)
{
	unsigned unused = 64 - 8 * v->data_size;
	long long n;
	char *end;

	errno = 0;
	n = strtoll(s, &end, 0);
	return *s && !errno && !*end && n >= INT64_MIN >> unused &&
	       n <= INT64_MAX >> unused;
}

static bool is_float(const char *s)
{
	char *end;

	strtod(s, &end);
	return *s && !*end;
}

static bool is_word(const char *s, const char *const words[])
{
	for (; *words; words++)
		if (!strcmp(s, *words))
			return true;
	return false;
}

static bool is_enum(const char *s, const cyaml_schema_value_t *v)
{
	for (uint32_t i = 0; i < v->enumeration.count; i++)
		if (!strcmp(s, v->enumeration.strings[i].str))
			return true;
	return false;
}

static bool is_scalar_of(const char *s, const cyaml_schema_value_t *v,
			 const struct conf_rule *r)
{
	/* libcyaml takes any other word as true. */
	static const char *const booleans[] = {"yes", "no",  "true", "false",
					       "on",  "off", NULL};
	size_t n = strlen(s);

	switch (v->type) {
	case CYAML_UINT:
		return is_number(s, v, r);
	case CYAML_INT:
		return is_signed(s, v);
	case CYAML_FLOAT:
		return is_float(s);
	case CYAML_BOOL:
		return is_word(s, booleans);
	case CYAML_ENUM:
		return is_enum(s, v);
	case CYAML_STRING:
		return n >= v->string.min && n <= v->string.max;
	default:
		return false;
	}
}

static bool check_scalar(struct walk *w, yaml_node_t *node,
			 const cyaml_schema_value_t *v)
{
	const struct conf_rule *r = rule_for(w);
	const char *s;

	if (node->type != YAML_SCALAR_NODE)
		return unexpected(w, node, v);
	s = text_of(node);
	if (strlen(s) != node->data.scalar.length)
		return fail(w, node, "expected text without NUL characters.");
	if (!*s &&
	    (v->flags & CYAML_FLAG_POINTER_NULL) == CYAML_FLAG_POINTER_NULL)
		return true;
	if (!is_scalar_of(s, v, r) || (r && r->ok && !r->ok(s)))
		return unexpected(w, node, v);
	return true;
}

/* Lists and fields. */

static bool check_sequence(struct walk *w, yaml_node_t *node,
			   const cyaml_schema_value_t *v)
{
	size_t here = strlen(w->field);
	size_t n;

	if (node->type != YAML_SEQUENCE_NODE)
		return unexpected(w, node, v);
	n = (size_t)(node->data.sequence.items.top -
		     node->data.sequence.items.start);
	if (n < v->sequence.min || n > v->sequence.max)
		return unexpected(w, node, v);
	for (size_t i = 0; i < n; i++) {
		yaml_node_t *item = yaml_document_get_node(
			&w->c->doc, node->data.sequence.items.start[i]);

		snprintf(w->field + here, FIELD_MAX - here, "[%zu]", i);
		if (!check(w, item, v->sequence.entry))
			return false;
	}
	w->field[here] = '\0';
	return true;
}

static const cyaml_schema_field_t *field_named(const cyaml_schema_value_t *v,
					       const yaml_node_t *key)
{
	for (const cyaml_schema_field_t *f = v->mapping.fields; f->key; f++)
		if (key->type == YAML_SCALAR_NODE &&
		    !strcmp(f->key, text_of(key)))
			return f;
	return NULL;
}

static bool check_key(struct walk *w, const yaml_node_t *map,
		      const yaml_node_pair_t *pair,
		      const cyaml_schema_value_t *v)
{
	yaml_node_t *key = yaml_document_get_node(&w->c->doc, pair->key);
	yaml_node_t *value = yaml_document_get_node(&w->c->doc, pair->value);
	const cyaml_schema_field_t *f = field_named(v, key);
	size_t here = strlen(w->field);
	bool ok;

	if (!f) {
		char keys[EXPECTED_MAX] = "";

		list_keys(v->mapping.fields, keys);
		if (key->type != YAML_SCALAR_NODE)
			return fail(w, key, "expected %s as a field.", keys);
		return fail(w, key, "expected %s, found the field \"%.*s\".",
			    keys, SHOWN_MAX, text_of(key));
	}
	snprintf(w->field + here, FIELD_MAX - here, "%s%s", here ? "." : "",
		 f->key);
	if (conf_value_of(&w->c->doc, map, f->key, strlen(f->key)) != value)
		return fail(w, key, "expected it once, found it again.");
	ok = check(w, value, &f->value);
	if (ok)
		w->field[here] = '\0';
	return ok;
}

static bool check_mapping(struct walk *w, yaml_node_t *node,
			  const cyaml_schema_value_t *v)
{
	if (node->type != YAML_MAPPING_NODE)
		return unexpected(w, node, v);
	for (yaml_node_pair_t *p = node->data.mapping.pairs.start;
	     p < node->data.mapping.pairs.top; p++)
		if (!check_key(w, node, p, v))
			return false;
	for (const cyaml_schema_field_t *f = v->mapping.fields; f->key; f++)
		if (!(f->value.flags & CYAML_FLAG_OPTIONAL) &&
		    !conf_value_of(&w->c->doc, node, f->key, strlen(f->key)))
			return fail(w, node, "expected the field \"%s\" too.",
				    f->key);
	return true;
}

static bool check(struct walk *w, yaml_node_t *node,
		  const cyaml_schema_value_t *v)
{
	switch (v->type) {
	case CYAML_MAPPING:
		return check_mapping(w, node, v);
	case CYAML_SEQUENCE:
	case CYAML_SEQUENCE_FIXED:
		return check_sequence(w, node, v);
	case CYAML_FLAGS:
	case CYAML_BITFIELD:
	case CYAML_IGNORE:
		return true; /* libcyaml's to judge */
	default:
		return check_scalar(w, node, v);
	}
}

bool conf_check(struct conf *c, yaml_node_t *node,
		const cyaml_schema_value_t *schema,
		const struct conf_rule rules[], char err[CONF_ERROR_MAX])
{
	struct walk w = {.c = c, .rules = rules, .err = err};

	return check(&w, node, schema);
}
