/* SPDX-License-Identifier: Apache-2.0 */
/* dataplane/abi/yaml.h - one section of a YAML file into a C structure.
 *
 * libcyaml fills the structure by a schema; this says what is wrong with a
 * file in one sentence that names file, line, field and what was expected:
 *
 *   /etc/sallyport/sallyport.yaml, line 19: dataplane.ports[1].mac: expected a
 *   MAC address such as 02:53:50:00:00:01, found "02:53".
 *
 * Several programs share one file: each loads its own top-level section and
 * takes no notice of the others'. Start-up only: allocates, not thread-safe.
 *
 *   struct options { char *socket; unsigned memory; };
 *   static const cyaml_schema_field_t fields[] = {
 *           CYAML_FIELD_STRING_PTR("socket", CYAML_FLAG_POINTER,
 *                                  struct options, socket, 1, 107),
 *           CYAML_FIELD_UINT("memory", CYAML_FLAG_OPTIONAL,
 *                            struct options, memory),
 *           CYAML_FIELD_END
 *   };
 *   static const cyaml_schema_value_t schema = {
 *           CYAML_VALUE_MAPPING(CYAML_FLAG_POINTER, struct options, fields),
 *   };
 *   static const struct conf_rule rules[] = {
 *           {"memory", "MiB from 64 to 65536", .min = 64, .max = 65536},
 *           {"socket", "a path that starts with /", .ok = conf_is_path},
 *           {.field = NULL}
 *   };
 *
 *   char err[CONF_ERROR_MAX];
 *   struct conf *c = conf_open("/etc/sallyport/sallyport.yaml", err);
 *   struct options *o = c ? conf_load(c, "dataplane", &schema, rules, err)
 *                         : NULL;
 *   if (o && o->memory == 64 && needs_more(o))
 *           conf_fail(c, "memory", err, "more than 64 with %s", why);
 *   conf_close(c);                        // o outlives c
 *   conf_free(&schema, o);
 *
 * Fields that are optional and absent are zero or NULL: put defaults in
 * afterwards. "[]" in a rule's field stands for every entry of a list. A field
 * without a rule is described by its schema. */
#pragma once
#include <stdbool.h>
#include <stdint.h>
#include <cyaml/cyaml.h>

#define CONF_ERROR_MAX 512	 /* octets of a sentence, with its NUL */
#define CONF_FILE_MAX  (1 << 20) /* octets of a file */

struct conf; /* a parsed file, and the line of each of its fields */

struct conf_rule {
	const char *field;	      /* below the section: "ports[].mac" */
	const char *expected;	      /* ends "expected ...": "a MAC address" */
	bool (*ok)(const char *text); /* of the scalar; NULL: any */
	uint64_t min, max;	      /* of the number; max 0: no limits */
};

/** Read and parse a file. @return NULL, with the sentence in err. */
struct conf *conf_open(const char *path, char err[CONF_ERROR_MAX]);
void conf_close(struct conf *c);

/** Check a section by schema and rules, then make its structure.
 *
 * @param section  a top-level key, or NULL: the whole file
 * @param schema   of the section: a mapping with CYAML_FLAG_POINTER
 * @param rules    ends with a NULL field; or NULL
 * @return what conf_free frees; NULL, with the sentence in err. */
void *conf_load(struct conf *c, const char *section,
		const cyaml_schema_value_t *schema,
		const struct conf_rule rules[], char err[CONF_ERROR_MAX]);
void conf_free(const cyaml_schema_value_t *schema, void *data);

/* Of use to many rules: an absolute path; one that a UNIX socket can have. */
bool conf_is_path(const char *text);
bool conf_is_socket(const char *text);

/** The sentence for what only the program can know (fields that contradict one
 * another). field: below the section loaded last, with indices from 0, e.g.
 * "ports[1].companion"; the line is the nearest that is there. fmt goes on
 * after "expected ". */
__attribute__((format(printf, 4, 5))) void conf_fail(const struct conf *c,
						     const char *field,
						     char err[CONF_ERROR_MAX],
						     const char *fmt, ...);
