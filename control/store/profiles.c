/* SPDX-License-Identifier: Apache-2.0 */
/* control/store/profiles.c - what a user's media profile says beyond security
 * and suites, as words that people can read: "ice=on setup=passive codecs=PCMA".
 * What isn't named is auto. */
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include "control/store/impl.h"

#define PROFILE_TEXT_MAX 512

static const struct {
	const char *name;
	size_t offset;
} switches[] = {
	{"ice", offsetof(struct media_profile, ice)},
	{"avpf", offsetof(struct media_profile, avpf)},
	{"mux", offsetof(struct media_profile, mux)},
	{"bundle", offsetof(struct media_profile, bundle)},
};

#define N_SWITCHES (sizeof(switches) / sizeof(switches[0]))

static enum media_switch *at(const struct media_profile *p, size_t i)
{
	return (enum media_switch *)((char *)p + switches[i].offset);
}

void profile_print(const struct media_profile *p, char *out, size_t size)
{
	size_t n = 0;

	out[0] = '\0';
	for (size_t i = 0; i < N_SWITCHES && n < size; i++)
		if (*at(p, i) != SWITCH_AUTO)
			n += (size_t)snprintf(out + n, size - n, "%s=%s ",
					      switches[i].name,
					      media_switch_names[*at(p, i)]);
	if (p->setup != SETUP_AUTO && n < size)
		n += (size_t)snprintf(out + n, size - n, "setup=%s ",
				      media_setup_names[p->setup]);
	/* last, since it has spaces of its own */
	if (p->codecs[0] && n < size)
		snprintf(out + n, size - n, "codecs=%s", p->codecs);
}

static void word_take(struct media_profile *p, const char *name,
		      const char *value)
{
	int found;

	for (size_t i = 0; i < N_SWITCHES; i++) {
		if (strcmp(name, switches[i].name) != 0)
			continue;
		found = media_name_find(media_switch_names, SWITCHES, value);
		if (found >= 0)
			*at(p, i) = (enum media_switch)found;
	}
	if (strcmp(name, "setup") == 0) {
		found = media_name_find(media_setup_names, SETUPS, value);
		if (found >= 0)
			p->setup = (enum media_setup)found;
	}
}

void profile_parse(struct media_profile *p, const char *text)
{
	char copy[PROFILE_TEXT_MAX], *save = NULL, *codecs, *eq;

	snprintf(copy, sizeof(copy), "%s", text);
	codecs = strstr(copy, "codecs=");
	if (codecs) {
		snprintf(p->codecs, sizeof(p->codecs), "%s", codecs + 7);
		*codecs = '\0';
	}
	for (char *word = strtok_r(copy, " ", &save); word;
	     word = strtok_r(NULL, " ", &save)) {
		eq = strchr(word, '=');
		if (eq) {
			*eq = '\0';
			word_take(p, word, eq + 1);
		}
	}
}

int store_profile_set(struct store *s, const char *name,
		      const struct media_profile *p)
{
	char suites[512], text[PROFILE_TEXT_MAX];
	int changes = 0;

	suites_print(suites, sizeof(suites), p->suites);
	profile_print(p, text, sizeof(text));
	if (store_run(s, PROFILE_SET, &changes, "isss", (int64_t)p->security,
		      suites, text, name) != SQLITE_OK)
		return EIO;
	return changes ? 0 : ENOENT;
}
