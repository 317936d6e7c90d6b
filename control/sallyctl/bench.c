/* SPDX-License-Identifier: Apache-2.0 */
/* Flows for a packet generator: scripts/bench/pktgen/README.md. */
#include <stdio.h>
#include <stdlib.h>
#include "control/sallyctl/commands.h"

static const char *text(const json_t *j, const char *side, const char *key)
{
	return json_string_value(
		json_object_get(json_object_get(j, side), key));
}

static long long number(const json_t *j, const char *key)
{
	return (long long)json_integer_value(json_object_get(j, key));
}

static void show_flows_made(const json_t *j, const struct invocation *in)
{
	(void)in;
	printf("%lld flows, at media ports %lld, %lld ... %lld of both sides:\n"
	       "access  %s sends to %s, from and to the same port\n"
	       "trunk   %s sends to %s, likewise\n"
	       "\"sallyctl bench clear\" takes them away; \"sallyctl stats\" "
	       "counts what is dropped.\n",
	       number(j, "flows"), number(j, "first_port"),
	       number(j, "first_port") + 2, number(j, "last_port"),
	       text(j, "access", "peer"), text(j, "access", "gateway"),
	       text(j, "trunk", "gateway"), text(j, "trunk", "peer"));
}

static void show_cleared(const json_t *j, const struct invocation *in)
{
	(void)in;
	printf("%lld flows are gone.\n", number(j, "removed"));
}

enum exit_status bench_flows(const struct invocation *in)
{
	static const struct {
		enum option option;
		const char *member;
	} texts[] = {{OPTION_SUITE, "suite"},
		     {OPTION_ACCESS, "access"},
		     {OPTION_TRUNK, "trunk"}};
	enum exit_status end;
	char *rest;
	long n = strtol(in->arg[0], &rest, 10);
	json_t *body;

	if (*rest || n < 1) {
		fprintf(stderr, "sallyctl: N is how many flows, from 1 on.\n");
		return EXIT_USAGE;
	}
	body = json_pack("{s:I}", "flows", (json_int_t)n);
	for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++)
		if (in->option[texts[i].option])
			json_object_set_new(
				body, texts[i].member,
				json_string(in->option[texts[i].option]));
	end = ask(in, "POST", "/bench/flows", body, show_flows_made);
	json_decref(body);
	return end;
}

enum exit_status bench_clear(const struct invocation *in)
{
	return ask(in, "DELETE", "/bench/flows", NULL, show_cleared);
}
