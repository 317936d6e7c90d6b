// SPDX-License-Identifier: Apache-2.0
/* dataplane/abi/yaml.c - see yaml.h.
 *
 * The file is parsed twice: by libyaml into a tree of nodes that know their
 * lines, which yaml_check.c holds against the schema, and by libcyaml, which
 * then finds nothing to complain about. */
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/un.h>
#include "dataplane/abi/yaml_check.h"

#define LOG_MAX	   256
#define VALUES_MAX 100000 /* of a file, with aliases followed */
#define DEPTH_MAX  64

size_t conf_say_where(const struct conf *c, const char *field, size_t line,
		      char err[CONF_ERROR_MAX])
{
	const char *section = c->section ? c->section : "";
	bool dot = *section && *field;
	bool colon = *section || *field;
	int n = snprintf(err, CONF_ERROR_MAX, "%s, line %zu: %s%s%s%s", c->path,
			 line, section, dot ? "." : "", field,
			 colon ? ": " : "");

	return n < CONF_ERROR_MAX ? (size_t)n : CONF_ERROR_MAX - 1;
}

yaml_node_t *conf_value_of(yaml_document_t *doc, const yaml_node_t *map,
			   const char *key, size_t key_len)
{
	if (map->type != YAML_MAPPING_NODE)
		return NULL;
	for (yaml_node_pair_t *p = map->data.mapping.pairs.start;
	     p < map->data.mapping.pairs.top; p++) {
		yaml_node_t *k = yaml_document_get_node(doc, p->key);

		if (k->type == YAML_SCALAR_NODE &&
		    k->data.scalar.length == key_len &&
		    !memcmp(k->data.scalar.value, key, key_len))
			return yaml_document_get_node(doc, p->value);
	}
	return NULL;
}

/* The file. */

static unsigned char *read_all(const char *path, size_t *size)
{
	unsigned char *text = malloc(CONF_FILE_MAX + 1);
	FILE *f = fopen(path, "re");

	if (!text || !f)
		goto fail;
	*size = fread(text, 1, CONF_FILE_MAX + 1, f);
	if (ferror(f))
		goto fail;
	if (*size > CONF_FILE_MAX) {
		errno = EFBIG;
		goto fail;
	}
	fclose(f);
	return text;
fail:
	if (f) {
		int saved = errno;

		fclose(f);
		errno = saved;
	}
	free(text);
	return NULL;
}

/* Aliases make much of little, and libcyaml makes all of it: *left is what there
 * is room for yet. */
static bool bounded(yaml_document_t *doc, int index, int depth, int *left)
{
	const yaml_node_t *n = yaml_document_get_node(doc, index);
	bool good = depth <= DEPTH_MAX && --*left >= 0;

	if (n->type == YAML_SEQUENCE_NODE) {
		for (yaml_node_item_t *i = n->data.sequence.items.start;
		     good && i < n->data.sequence.items.top; i++)
			good = bounded(doc, *i, depth + 1, left);
	} else if (n->type == YAML_MAPPING_NODE) {
		for (yaml_node_pair_t *p = n->data.mapping.pairs.start;
		     good && p < n->data.mapping.pairs.top; p++)
			good = bounded(doc, p->key, depth + 1, left) &&
			       bounded(doc, p->value, depth + 1, left);
	}
	return good;
}

static bool parse(struct conf *c, char err[CONF_ERROR_MAX])
{
	int left = VALUES_MAX;
	yaml_parser_t parser;
	bool ok = false;

	if (!yaml_parser_initialize(&parser)) {
		snprintf(err, CONF_ERROR_MAX, "%s: no memory.", c->path);
		return false;
	}
	yaml_parser_set_input_string(&parser, c->text, c->size);
	ok = yaml_parser_load(&parser, &c->doc);
	if (!ok)
		snprintf(err, CONF_ERROR_MAX,
			 "%s, line %zu: expected YAML, but %s%s%s.", c->path,
			 parser.problem_mark.line + 1,
			 parser.problem ? parser.problem : "found none",
			 parser.context ? " " : "",
			 parser.context ? parser.context : "");
	yaml_parser_delete(&parser);
	if (ok && yaml_document_get_root_node(&c->doc) &&
	    !bounded(&c->doc, 1, 0, &left)) {
		snprintf(err, CONF_ERROR_MAX,
			 "%s: expected a file of reasonable size, found more "
			 "than %d values or %d levels, with aliases followed.",
			 c->path, VALUES_MAX, DEPTH_MAX);
		yaml_document_delete(&c->doc);
		return false;
	}
	return ok;
}

struct conf *conf_open(const char *path, char err[CONF_ERROR_MAX])
{
	struct conf *c = calloc(1, sizeof(*c));

	err[0] = '\0';
	if (!c || !(c->path = strdup(path))) {
		snprintf(err, CONF_ERROR_MAX, "%s: no memory.", path);
		goto fail;
	}
	c->text = read_all(path, &c->size);
	if (!c->text) {
		snprintf(err, CONF_ERROR_MAX, "%s: cannot be read: %s.", path,
			 strerror(errno));
		goto fail;
	}
	if (!parse(c, err))
		goto fail;
	return c;
fail:
	if (c) {
		free(c->text);
		free(c->path);
	}
	free(c);
	return NULL;
}

void conf_close(struct conf *c)
{
	if (!c)
		return;
	yaml_document_delete(&c->doc);
	free(c->text);
	free(c->path);
	free(c);
}

/* libcyaml. Its log is kept for the one case that only it can judge. */

static void keep_first_log(cyaml_log_t level, void *ctx, const char *fmt,
			   va_list ap)
{
	char *text = ctx;

	(void)level;
	if (!text[0])
		vsnprintf(text, LOG_MAX, fmt, ap);
	text[strcspn(text, "\n")] = '\0';
}

/** A schema of the whole file in which every section but one is ignored.
 * @return to be freed; NULL: no memory. */
static cyaml_schema_field_t *root_fields(struct conf *c, yaml_node_t *root,
					 const cyaml_schema_value_t *schema)
{
	size_t n = (size_t)(root->data.mapping.pairs.top -
			    root->data.mapping.pairs.start);
	cyaml_schema_field_t *f = calloc(n + 1, sizeof(*f));

	for (size_t i = 0; f && i < n; i++) {
		yaml_node_t *key = yaml_document_get_node(
			&c->doc, root->data.mapping.pairs.start[i].key);

		f[i].key = key->type == YAML_SCALAR_NODE
				   ? (const char *)key->data.scalar.value
				   : "";
		if (!strcmp(f[i].key, c->section))
			f[i].value = *schema;
		else
			f[i].value.type = CYAML_IGNORE;
	}
	return f;
}

static void *fill(struct conf *c, yaml_node_t *root,
		  const cyaml_schema_value_t *schema, char err[CONF_ERROR_MAX])
{
	char log[LOG_MAX] = "";
	cyaml_config_t cfg = {.log_fn = keep_first_log,
			      .log_ctx = log,
			      .mem_fn = cyaml_mem,
			      .log_level = CYAML_LOG_WARNING};
	struct {
		void *section;
	} *whole = NULL;
	cyaml_schema_field_t *fields = NULL;
	void *data = NULL;
	cyaml_err_t e;

	if (!c->section) {
		e = cyaml_load_data(c->text, c->size, &cfg, schema, &data,
				    NULL);
	} else if (!(fields = root_fields(c, root, schema))) {
		e = CYAML_ERR_OOM;
	} else {
		cyaml_schema_value_t v = {.type = CYAML_MAPPING,
					  .flags = CYAML_FLAG_POINTER,
					  .data_size = sizeof(*whole),
					  .mapping = {.fields = fields}};

		e = cyaml_load_data(c->text, c->size, &cfg, &v,
				    (cyaml_data_t **)&whole, NULL);
		if (e == CYAML_OK && whole)
			data = whole->section;
		cyaml_mem(NULL, whole, 0);
	}
	free(fields);
	if (!data)
		snprintf(err, CONF_ERROR_MAX, "%s: %s: %s.", c->path,
			 cyaml_strerror(e), log);
	return data;
}

void *conf_load(struct conf *c, const char *section,
		const cyaml_schema_value_t *schema,
		const struct conf_rule rules[], char err[CONF_ERROR_MAX])
{
	yaml_node_t *root = yaml_document_get_root_node(&c->doc);
	yaml_node_t *node = root;

	err[0] = '\0';
	c->section = section;
	if (section && root)
		node = conf_value_of(&c->doc, root, section, strlen(section));
	if (!node) {
		snprintf(err, CONF_ERROR_MAX,
			 "%s, line 1: expected a section \"%s:\", found none.",
			 c->path, section ? section : "");
		return NULL;
	}
	if (!conf_check(c, node, schema, rules, err))
		return NULL;
	return fill(c, root, schema, err);
}

void conf_free(const cyaml_schema_value_t *schema, void *data)
{
	static const cyaml_config_t cfg = {.mem_fn = cyaml_mem};

	if (data)
		cyaml_free(&cfg, schema, data, 0);
}

bool conf_is_path(const char *text)
{
	return text[0] == '/' && text[1];
}

bool conf_is_socket(const char *text)
{
	return conf_is_path(text) &&
	       strlen(text) < sizeof(((struct sockaddr_un *)0)->sun_path);
}

/** The node of "ports[1].mac", or the last on the way that exists. */
static yaml_node_t *nearest(struct conf *c, const char *field)
{
	yaml_node_t *node = yaml_document_get_root_node(&c->doc), *next = NULL;

	if (c->section)
		node = conf_value_of(&c->doc, node, c->section,
				     strlen(c->section));
	while (*field) {
		size_t n = strcspn(field, ".[");

		if (*field == '[') {
			size_t i = strtoul(field + 1, NULL, 10);

			n = strcspn(field, "]") + 1;
			next = NULL;
			if (node->type == YAML_SEQUENCE_NODE &&
			    node->data.sequence.items.start + i <
				    node->data.sequence.items.top)
				next = yaml_document_get_node(
					&c->doc,
					node->data.sequence.items.start[i]);
		} else {
			next = conf_value_of(&c->doc, node, field, n);
		}
		if (!next)
			return node;
		node = next;
		field += n;
		field += *field == '.';
	}
	return node;
}

void conf_fail(const struct conf *c, const char *field,
	       char err[CONF_ERROR_MAX], const char *fmt, ...)
{
	/* libyaml has no const; nothing is changed. */
	yaml_node_t *node = nearest((struct conf *)(uintptr_t)c, field);
	size_t n = conf_say_where(c, field, conf_line_of(node), err);
	va_list ap;

	n += (size_t)snprintf(err + n, CONF_ERROR_MAX - n, "expected ");
	if (n >= CONF_ERROR_MAX)
		return;
	va_start(ap, fmt);
	vsnprintf(err + n, CONF_ERROR_MAX - n, fmt, ap);
	va_end(ap);
}
