/* SPDX-License-Identifier: Apache-2.0 */
/* See options.h. */
#include "tests/bench/options.h"
#include <getopt.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define OWN_MAX 8
#define QUICK	0.1 /* seconds */

static const uint16_t suites[] = {SP_SUITE_AES_CM_128_HMAC_SHA1_80,
				  SP_SUITE_AEAD_AES_128_GCM};
static const unsigned streams[] = {1, 1000, 20000, 100000};

const unsigned option_octets[OPTION_SIZES] = {92, 172, 1212};
struct options options = {.seconds = 0.4};

static FILE *json;
static unsigned objects;

/* What each option that takes a value writes; NULL ends them. */
static const char *number[3]; /* streams, octets, seconds */
static const struct option_own shared[] = {
	{"suite", &options.suite}, {"direction", &options.direction},
	{"isa", &options.isa},	   {"json", &options.json},
	{"streams", &number[0]},   {"octets", &number[1]},
	{"seconds", &number[2]},   {NULL, NULL},
};

#define SHARED (sizeof(shared) / sizeof(shared[0]) - 1)

static void take(int argc, char **argv, const struct option table[],
		 const char **const value[])
{
	int c, at;

	while ((c = getopt_long(argc, argv, "", table, &at)) != -1) {
		if (c == '?')
			exit(2);
		if (value[at])
			*value[at] = optarg;
		else
			options.quick = true;
	}
	if (optind < argc) {
		fprintf(stderr, "%s: not an option\n", argv[optind]);
		exit(2);
	}
}

void options_read(int argc, char **argv, const struct option_own own[])
{
	struct option table[SHARED + OWN_MAX + 2] = {{0}};
	const char **value[SHARED + OWN_MAX + 2] = {NULL};
	unsigned n = 0;

	for (const struct option_own *o = shared; o->name; o++, n++) {
		table[n] = (struct option){o->name, required_argument, NULL, 1};
		value[n] = o->value;
	}
	for (const struct option_own *o = own; o->name; o++, n++) {
		table[n] = (struct option){o->name, required_argument, NULL, 1};
		value[n] = o->value;
	}
	table[n] = (struct option){"quick", no_argument, NULL, 1};
	take(argc, argv, table, value);
	options.streams = number[0] ? strtoul(number[0], NULL, 0) : 0;
	options.octets = number[1] ? strtoul(number[1], NULL, 0) : 0;
	if (options.quick)
		options.seconds = QUICK;
	if (number[2])
		options.seconds = strtod(number[2], NULL);
	if (!options.json)
		return;
	json = fopen(options.json, "w");
	if (!json) {
		perror(options.json);
		exit(2);
	}
	fprintf(json, "[");
}

bool options_octets(unsigned octets)
{
	if (options.octets)
		return octets == options.octets;
	return !options.quick || octets == option_octets[OPTION_SIZES / 2];
}

static bool wanted(const struct cell *c)
{
	if (options.suite && strcmp(options.suite, cell_suite(c)))
		return false;
	if (options.direction && strcmp(options.direction, cell_direction(c)))
		return false;
	return !options.streams || options.streams == c->streams;
}

bool options_sweep(unsigned burst, bool (*f)(struct cell c))
{
	for (unsigned i = 0; i < 2 * 2 * 4; i++) {
		const struct cell c = {.suite = suites[i / 8],
				       .protect = i / 4 % 2 == 0,
				       .streams = streams[i % 4],
				       .burst = burst};

		if (wanted(&c) && !f(c))
			return false;
	}
	return true;
}

void options_object(const char *fmt, ...)
{
	va_list ap;

	if (!json)
		return;
	fprintf(json, "%s\n{", objects++ ? "," : "");
	va_start(ap, fmt);
	vfprintf(json, fmt, ap);
	va_end(ap);
	fprintf(json, "}");
}

const char *cell_direction(const struct cell *c)
{
	return c->protect ? "protect" : "unprotect";
}

const char *cell_suite(const struct cell *c)
{
	return sp_suite_info(c->suite)->name;
}

void options_done(void)
{
	if (!json)
		return;
	fprintf(json, "\n]\n");
	fclose(json);
	json = NULL;
}
