/* SPDX-License-Identifier: Apache-2.0 */
/* The audit log: asked of the API, or verified without it. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "control/audit/verify.h"
#include "control/sallyctl/commands.h"

#define LOG_DEFAULT "/var/lib/sallyport/audit.log"

enum exit_status audit_list(const struct invocation *in)
{
	const char *max = in->option[OPTION_MAX];
	const char *text = in->option[OPTION_SEARCH];
	const char *words[] = {max ? max : "100", text ? text : ""};

	return ask_at(in, "GET", "/audit?max=%s&text=%s", 2, words, NULL,
		      show_audit);
}

enum exit_status audit_head(const struct invocation *in)
{
	return ask(in, "GET", "/audit/head", NULL, show_head);
}

static void verdict_json(const char *log, const struct audit_verdict *v,
			 const char *key)
{
	json_t *j = json_pack("{s:s, s:b, s:I, s:I, s:s, s:s, s:s, s:s}", "log",
			      log, "whole", v->whole, "records",
			      (json_int_t)v->records, "head",
			      (json_int_t)v->head, "first", v->first, "last",
			      v->last, "key", key, "text", v->text);

	json_dumpf(j, stdout, JSON_INDENT(2));
	putchar('\n');
	json_decref(j);
}

enum exit_status audit_check(const struct invocation *in)
{
	const char *log = in->arg[0] ? in->arg[0] : LOG_DEFAULT;
	char key[2 * CHAIN_PUBLIC + 1];
	struct audit_verdict v;

	if (audit_verify(log, in->option[OPTION_KEY], in->option[OPTION_HEAD],
			 &v) != 0) {
		fprintf(stderr, "sallyctl: %s\n", v.text);
		return EXIT_REFUSED;
	}
	sodium_bin2hex(key, sizeof(key), v.key, CHAIN_PUBLIC);
	if (in->option[OPTION_JSON]) {
		verdict_json(log, &v, key);
	} else if (v.whole) {
		printf("%s: %s.\n", log, v.text);
		if (v.records)
			printf("From %s to %s.\n", v.first, v.last);
		printf("Signed by %s%s.\n", key,
		       in->option[OPTION_KEY]
			       ? ""
			       : ", the key that lies beside it");
	} else {
		fprintf(stderr,
			"sallyctl: %s: %s.\n%llu records before that are "
			"good%s%s.\n",
			log, v.text, (unsigned long long)v.records,
			v.last[0] ? ", the last of " : "", v.last);
	}
	return v.whole ? EXIT_DONE : EXIT_REFUSED;
}
