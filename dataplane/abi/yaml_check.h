/* SPDX-License-Identifier: Apache-2.0 */
/* dataplane/abi/yaml_check.h - between yaml.c and yaml_check.c only. */
#pragma once
#include <yaml.h>
#include "dataplane/abi/yaml.h"

struct conf {
	char *path;
	unsigned char *text;
	size_t size;
	yaml_document_t doc;
	const char *section; /* loaded last; a key in doc, or NULL */
};

/** Hold a node against schema and rules. @return false, the sentence in err. */
bool conf_check(struct conf *c, yaml_node_t *node,
		const cyaml_schema_value_t *schema,
		const struct conf_rule rules[], char err[CONF_ERROR_MAX]);

/** "PATH, line N: SECTION.FIELD: " @return octets written. */
size_t conf_say_where(const struct conf *c, const char *field, size_t line,
		      char err[CONF_ERROR_MAX]);

/** The value of a mapping's key; NULL: not there, or not a mapping. */
yaml_node_t *conf_value_of(yaml_document_t *doc, const yaml_node_t *map,
			   const char *key, size_t key_len);

/* Lines count from 1, as editors do. */
static inline size_t conf_line_of(const yaml_node_t *n)
{
	return n->start_mark.line + 1;
}
