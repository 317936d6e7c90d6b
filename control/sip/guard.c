/* SPDX-License-Identifier: Apache-2.0 */
#include "control/sip/guard.h"
#include <errno.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define SOURCES	    8192 /* a power of two */
#define WAYS	    4	 /* a source is in one of so many places */
#define BANS	    1024 /* a power of two: buckets */
#define BANS_MAX    16384
#define BURST	    4
#define TRUSTED	    10
#define MINUTE	    60000
#define TRUST_MS    (3600 * 1000)
#define ALLOWED_MAX 256

struct key {
	uint8_t b[16];
};

struct source {
	struct key key;
	uint64_t seen;	  /* ms; 0: empty */
	uint64_t trusted; /* until, ms */
	uint64_t failing; /* since, ms */
	uint32_t tokens;  /* thousandths of a request */
	uint16_t failures;
	uint16_t connections, half_open;
};

struct ban {
	struct ban *next;
	struct key key;
	struct guard_ban b;
};

struct allowed {
	struct key key;
	uint8_t bits; /* of 128 */
	unsigned uses;
};

struct guard {
	struct guard_config cfg;
	guard_ban_h *h;
	void *arg;
	uint32_t seed;
	uint64_t count[GUARD_COUNTS];
	struct allowed allowed[ALLOWED_MAX];
	unsigned n_allowed;
	struct ban *ban[BANS];
	unsigned n_bans;
	struct source source[SOURCES];
};

static const char *const names[GUARD_COUNTS] = {
	"passed",    "over_rate", "banned",   "connections",
	"half_open", "scanners",  "failures", "bans",
};

const char *guard_counter_name(enum guard_count what)
{
	return names[what];
}

uint64_t guard_counter(const struct guard *g, enum guard_count what)
{
	return g->count[what];
}

void guard_count(struct guard *g, enum guard_count what)
{
	g->count[what]++;
}

/* IPv4 as ::ffff:a.b.c.d */
static struct key whole_key(const struct sa *sa)
{
	struct key k = {{0}};
	uint32_t v4;

	if (sa_af(sa) == AF_INET6) {
		sa_in6(sa, k.b);
	} else {
		v4 = htonl(sa_in(sa));
		k.b[10] = k.b[11] = 0xff;
		memcpy(k.b + 12, &v4, sizeof(v4));
	}
	return k;
}

static bool is_v4(const struct key *k)
{
	static const uint8_t mapped[12] = {[10] = 0xff, [11] = 0xff};

	return !memcmp(k->b, mapped, sizeof(mapped));
}

/* Of IPv6 the /64: who has one address there has them all. */
static struct key key_of(const struct sa *sa)
{
	struct key k = whole_key(sa);

	if (!is_v4(&k))
		memset(k.b + 8, 0, 8);
	return k;
}

static uint32_t hash_of(const struct guard *g, const struct key *k)
{
	return hash_joaat(k->b, sizeof(k->b)) * 2654435761u ^ g->seed;
}

bool guard_prefix_parse(const char *text, struct sa *sa, unsigned *bits)
{
	const char *slash = strchr(text, '/');
	struct pl host = {text, slash ? (size_t)(slash - text) : strlen(text)};
	unsigned max;
	char *end;
	long n;

	if (sa_set(sa, &host, 0))
		return false;
	max = sa_af(sa) == AF_INET6 ? 128 : 32;
	n = slash ? strtol(slash + 1, &end, 10) : (long)max;
	if (slash && (slash[1] < '0' || slash[1] > '9' || *end))
		return false;
	*bits = (unsigned)n;
	return n >= 0 && n <= (long)max;
}

static bool prefix_has(const struct allowed *a, const struct key *k)
{
	unsigned whole = a->bits / 8, rest = a->bits % 8;

	return !memcmp(a->key.b, k->b, whole) &&
	       (!rest ||
		!((a->key.b[whole] ^ k->b[whole]) & (0xff00u >> rest)));
}

static bool is_allowed(const struct guard *g, const struct sa *sa)
{
	struct key k = whole_key(sa);

	for (unsigned i = 0; i < g->n_allowed; i++)
		if (prefix_has(&g->allowed[i], &k))
			return true;
	return false;
}

static int allow_prefix(struct guard *g, const struct sa *sa, unsigned bits)
{
	struct allowed a = {.key = whole_key(sa), .uses = 1};

	a.bits = (uint8_t)(sa_af(sa) == AF_INET6 ? bits : bits + 96);
	for (unsigned i = 0; i < g->n_allowed; i++) {
		struct allowed *b = &g->allowed[i];

		if (b->bits == a.bits && !memcmp(&b->key, &a.key, 16)) {
			b->uses++;
			return 0;
		}
	}
	if (g->n_allowed == ALLOWED_MAX)
		return ENOSPC;
	g->allowed[g->n_allowed++] = a;
	return 0;
}

int guard_allow(struct guard *g, const struct sa *sa)
{
	int err = allow_prefix(g, sa, sa_af(sa) == AF_INET6 ? 128 : 32);

	if (!err)
		guard_unban(g, sa);
	return err;
}

void guard_disallow(struct guard *g, const struct sa *sa)
{
	struct key k = whole_key(sa);

	for (unsigned i = 0; i < g->n_allowed; i++) {
		struct allowed *a = &g->allowed[i];

		if (a->bits != 128 || memcmp(&a->key, &k, sizeof(k)))
			continue;
		if (!--a->uses)
			*a = g->allowed[--g->n_allowed];
		return;
	}
}

static void guard_destructor(void *arg)
{
	struct guard *g = arg;

	for (unsigned i = 0; i < BANS; i++) {
		while (g->ban[i]) {
			struct ban *next = g->ban[i]->next;

			free(g->ban[i]);
			g->ban[i] = next;
		}
	}
}

int guard_alloc(struct guard **gp, const struct guard_config *cfg,
		guard_ban_h *h, void *arg)
{
	struct guard *g = mem_zalloc(sizeof(*g), guard_destructor);

	if (!g)
		return ENOMEM;
	g->cfg = *cfg;
	g->h = h;
	g->arg = arg;
	g->seed = rand_u32();
	for (unsigned i = 0; i < cfg->allow_count; i++) {
		unsigned bits;
		struct sa sa;

		if (!guard_prefix_parse(cfg->allow[i], &sa, &bits) ||
		    allow_prefix(g, &sa, bits)) {
			mem_deref(g);
			return EINVAL;
		}
	}
	*gp = g;
	return 0;
}

void guard_limits(struct guard *g, const struct guard_config *cfg)
{
	g->cfg.rate = cfg->rate;
	g->cfg.failures = cfg->failures;
	g->cfg.connections = cfg->connections;
	g->cfg.half_open = cfg->half_open;
	g->cfg.ban = cfg->ban;
}

/* Bans */

static struct ban **ban_find(struct guard *g, const struct key *k)
{
	struct ban **bp = &g->ban[hash_of(g, k) & (BANS - 1)];

	while (*bp && memcmp(&(*bp)->key, k, sizeof(*k)))
		bp = &(*bp)->next;
	return bp;
}

static void ban_drop(struct guard *g, struct ban **bp)
{
	struct ban *b = *bp;

	*bp = b->next;
	g->n_bans--;
	if (g->h)
		g->h(&b->b.source, 0, NULL, g->arg);
	free(b);
}

static bool is_banned(struct guard *g, const struct key *k, uint64_t now)
{
	struct ban **bp;

	if (!g->n_bans)
		return false;
	bp = ban_find(g, k);
	if (!*bp)
		return false;
	if ((*bp)->b.until > now)
		return true;
	ban_drop(g, bp);
	return false;
}

static void drop_expired(struct guard *g, uint64_t now)
{
	for (unsigned i = 0; i < BANS; i++) {
		struct ban **bp = &g->ban[i];

		while (*bp) {
			if ((*bp)->b.until <= now)
				ban_drop(g, bp);
			else
				bp = &(*bp)->next;
		}
	}
}

int guard_ban(struct guard *g, const struct sa *src, unsigned seconds,
	      const char *reason, uint64_t now)
{
	struct key k = key_of(src);
	struct ban **bp, *b;

	if (is_allowed(g, src))
		return EPERM;
	bp = ban_find(g, &k);
	b = *bp;
	if (!b) {
		if (g->n_bans >= BANS_MAX)
			drop_expired(g, now);
		if (g->n_bans >= BANS_MAX)
			return ENOMEM;
		b = calloc(1, sizeof(*b));
		if (!b)
			return ENOMEM;
		b->key = k;
		bp = &g->ban[hash_of(g, &k) & (BANS - 1)];
		b->next = *bp;
		*bp = b;
		g->n_bans++;
	}
	b->b.source = *src;
	if (!is_v4(&k))
		sa_set_in6(&b->b.source, k.b, 0);
	sa_set_port(&b->b.source, 0);
	b->b.until = now + (seconds ? seconds : g->cfg.ban) * 1000ull;
	snprintf(b->b.reason, sizeof(b->b.reason), "%s", reason);
	g->count[GUARD_BANS]++;
	if (g->h)
		g->h(&b->b.source, b->b.until, b->b.reason, g->arg);
	return 0;
}

int guard_unban(struct guard *g, const struct sa *src)
{
	struct key k = key_of(src);
	struct ban **bp = ban_find(g, &k);

	if (!*bp)
		return ENOENT;
	ban_drop(g, bp);
	return 0;
}

void guard_list(struct guard *g, uint64_t now,
		void (*f)(const struct guard_ban *b, void *arg), void *arg)
{
	drop_expired(g, now);
	for (unsigned i = 0; i < BANS; i++)
		for (struct ban *b = g->ban[i]; b; b = b->next)
			f(&b->b, arg);
}

/* Sources */

/* Where it is, or the place of the one that has been quiet for longest and has
 * nothing open; NULL: all of them have. */
static struct source *source_of(struct guard *g, const struct key *k,
				uint64_t now)
{
	struct source *s = &g->source[hash_of(g, k) & (SOURCES - WAYS)];
	struct source *oldest = NULL;

	for (unsigned i = 0; i < WAYS; i++, s++) {
		if (s->seen && !memcmp(&s->key, k, sizeof(*k)))
			return s;
		if (!s->connections && (!oldest || s->seen < oldest->seen))
			oldest = s;
	}
	if (!oldest || !now)
		return NULL;
	memset(oldest, 0, sizeof(*oldest));
	oldest->key = *k;
	oldest->seen = now;
	oldest->tokens = g->cfg.rate * BURST * 1000;
	return oldest;
}

bool guard_packet(struct guard *g, const struct sa *src, uint64_t now)
{
	struct key k = key_of(src);
	uint64_t rate, full, tokens;
	struct source *s;

	if (is_banned(g, &k, now)) {
		g->count[GUARD_BANNED]++;
		return false;
	}
	s = source_of(g, &k, now);
	if (!s) { /* nothing is known of it: neither good nor bad */
		g->count[GUARD_PASSED]++;
		return true;
	}
	rate = g->cfg.rate * (s->trusted > now ? TRUSTED : 1);
	full = rate * BURST * 1000;
	tokens = s->tokens + (now - s->seen) * rate;
	s->seen = now;
	if (tokens > full)
		tokens = full;
	if (tokens < 1000 && !is_allowed(g, src)) {
		s->tokens = (uint32_t)tokens;
		g->count[GUARD_RATE]++;
		return false;
	}
	s->tokens = (uint32_t)(tokens < 1000 ? 0 : tokens - 1000);
	g->count[GUARD_PASSED]++;
	return true;
}

bool guard_open(struct guard *g, const struct sa *src, uint64_t now)
{
	struct key k = key_of(src);
	bool limited = !is_allowed(g, src);
	struct source *s;

	if (is_banned(g, &k, now)) {
		g->count[GUARD_BANNED]++;
		return false;
	}
	s = source_of(g, &k, now);
	if (!s || (limited && s->connections >= g->cfg.connections) ||
	    s->connections == UINT16_MAX) {
		g->count[GUARD_CONNECTIONS]++;
		return false;
	}
	if (limited && s->half_open >= g->cfg.half_open) {
		g->count[GUARD_HALF_OPEN]++;
		return false;
	}
	s->connections++;
	s->half_open++;
	return true;
}

void guard_settled(struct guard *g, const struct sa *src)
{
	struct key k = key_of(src);
	struct source *s = source_of(g, &k, 0);

	if (s && s->half_open)
		s->half_open--;
}

void guard_closed(struct guard *g, const struct sa *src, bool settled)
{
	struct key k = key_of(src);
	struct source *s = source_of(g, &k, 0);

	if (!s)
		return;
	if (s->connections)
		s->connections--;
	if (!settled && s->half_open)
		s->half_open--;
}

void guard_authenticated(struct guard *g, const struct sa *src, uint64_t now)
{
	struct key k = key_of(src);
	struct source *s = source_of(g, &k, now);

	if (!s)
		return;
	s->trusted = now + TRUST_MS;
}

void guard_wrong_password(struct guard *g, const struct sa *src, uint64_t now)
{
	struct key k = key_of(src);
	struct source *s = source_of(g, &k, now);

	g->count[GUARD_FAILURES]++;
	if (!s)
		return;
	if (!s->failures || now - s->failing > MINUTE) {
		s->failing = now;
		s->failures = 0;
	}
	/* Where good phones live, one with a wrong password mustn't shut them
	 * all out as quickly. */
	if (++s->failures < g->cfg.failures * (s->trusted > now ? TRUSTED : 1))
		return;
	s->failures = 0;
	guard_ban(g, src, 0, "too many failed authentications", now);
}
