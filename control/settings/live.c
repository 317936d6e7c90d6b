/* SPDX-License-Identifier: Apache-2.0 */
/* The options that take effect at once: one table. */
#include <stddef.h>
#include <string.h>
#include "control/settings/impl.h"

enum kind { NUMBER, TEXT, LIST };

static const struct {
	const char *option;
	enum kind kind;
	enum settings_live tell;
	size_t offset; /* in struct config; a LIST's count follows it */
} table[] = {
#define ROW(name, kind, tell, member)                   \
	{                                               \
		"control." name, kind, LIVE_##tell,     \
			offsetof(struct config, member) \
	}
	ROW("log", TEXT, LOG, log),
	ROW("media_timeout", NUMBER, CALLS, media_timeout),
	ROW("media.transcodings", NUMBER, DUTIES, media.transcodings),
	ROW("sip.ring_timeout", NUMBER, READ, sip.ring_timeout),
	ROW("sip.min_expires", NUMBER, READ, sip.min_expires),
	ROW("sip.default_expires", NUMBER, READ, sip.default_expires),
	ROW("sip.session_expires", NUMBER, READ, sip.session_expires),
	ROW("sip.min_se", NUMBER, READ, sip.min_se),
	ROW("sip.guard.requests", NUMBER, GUARD, sip.guard.requests),
	ROW("sip.guard.failures", NUMBER, GUARD, sip.guard.failures),
	ROW("sip.guard.connections", NUMBER, GUARD, sip.guard.connections),
	ROW("sip.guard.half_open", NUMBER, GUARD, sip.guard.half_open),
	ROW("sip.guard.ban", NUMBER, GUARD, sip.guard.ban),
	ROW("sip.guard.scanners", TEXT, READ, sip.guard.scanners),
	ROW("calls.orbits", TEXT, READ, calls.orbits),
	ROW("calls.conferences", TEXT, READ, calls.conferences),
	ROW("calls.park_timeout", NUMBER, READ, calls.park_timeout),
	ROW("siprec.users", LIST, READ, siprec.users),
	ROW("siprec.keepalive", NUMBER, READ, siprec.keepalive),
	ROW("https.session_idle", NUMBER, SESSIONS, https.session_idle),
	ROW("https.listen", LIST, HTTPS, https.listen),
	ROW("https.certificate", TEXT, HTTPS, https.certificate),
	ROW("https.key", TEXT, HTTPS, https.key),
#undef ROW
};

#define ROWS (sizeof(table) / sizeof(table[0]))

struct words {
	char **word;
	unsigned n;
};

bool option_live(const char *name)
{
	for (size_t i = 0; i < ROWS; i++)
		if (!strcmp(table[i].option, name))
			return true;
	return false;
}

static bool text_same(const char *a, const char *b)
{
	return a && b ? !strcmp(a, b) : a == b;
}

static bool words_same(const struct words *a, const struct words *b)
{
	if (a->n != b->n)
		return false;
	for (unsigned i = 0; i < a->n; i++)
		if (strcmp(a->word[i], b->word[i]) != 0)
			return false;
	return true;
}

static void words_get(struct words *w, const void *at)
{
	memcpy(&w->word, at, sizeof(w->word));
	memcpy(&w->n, (const char *)at + sizeof(w->word), sizeof(w->n));
}

static void words_put(const struct words *w, void *at)
{
	memcpy(at, &w->word, sizeof(w->word));
	memcpy((char *)at + sizeof(w->word), &w->n, sizeof(w->n));
}

/* @return do they differ? Then they have changed places. */
static bool exchange(enum kind kind, void *a, void *b)
{
	if (kind == NUMBER) {
		unsigned *x = a, *y = b, z = *x;

		*x = *y;
		*y = z;
		return *x != *y;
	}
	if (kind == TEXT) {
		char **x = a, **y = b, *z = *x;

		if (text_same(*x, *y))
			return false;
		*x = *y;
		*y = z;
	} else {
		struct words x, y;

		words_get(&x, a);
		words_get(&y, b);
		if (words_same(&x, &y))
			return false;
		words_put(&y, a);
		words_put(&x, b);
	}
	return true;
}

void live_take(struct config *a, struct config *b, settings_live_h *h,
	       void *arg)
{
	bool told[LIVE_KINDS] = {false};

	for (size_t i = 0; i < ROWS; i++)
		if (exchange(table[i].kind, (char *)a + table[i].offset,
			     (char *)b + table[i].offset))
			told[table[i].tell] = true;
	for (unsigned k = 0; k < LIVE_KINDS; k++)
		if (told[k])
			h((enum settings_live)k, arg);
}
