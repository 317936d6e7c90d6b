/* SPDX-License-Identifier: Apache-2.0 */
#include "control/http/access.h"
#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "control/store/admins.h"

#define SESSIONS_MAX  128
#define LIFE_SECONDS  (12 * 60 * 60) /* of a session, whatever is done in it */
#define HASH	      32
#define GUESS_ENTRIES 1024 /* a power of two */
#define GUESS_FREE    4	   /* failures that cost nothing */
#define GUESS_MAX     900  /* seconds to wait, at most */
#define NAME_FREE \
	20 /* of one name from anywhere: a name is no secret,
			    * and its owner is not to be locked out by others */

struct session {
	bool used;
	struct principal who;
	uint8_t hash[HASH]; /* of the cookie's value */
	char csrf[ACCESS_SECRET];
	uint64_t begun, last;
};

/* One counter of failures. A slot is shared by what hashes to it; the newer
 * takes it over, so a table that is full forgets. */
struct guess {
	uint64_t key; /* 0: free */
	unsigned failed;
	uint64_t until, last;
};

struct access {
	struct store *store;
	unsigned idle;
	struct session session[SESSIONS_MAX];
	struct guess guess[GUESS_ENTRIES];
	uint8_t seed[crypto_shorthash_KEYBYTES];
};

struct access *access_new(struct store *store, unsigned idle_seconds)
{
	struct access *a = calloc(1, sizeof(*a));

	if (!a)
		return NULL;
	a->store = store;
	a->idle = idle_seconds;
	randombytes_buf(a->seed, sizeof(a->seed));
	return a;
}

void access_idle(struct access *a, unsigned seconds)
{
	a->idle = seconds;
}

void access_free(struct access *a)
{
	if (a)
		sodium_memzero(a, sizeof(*a));
	free(a);
}

static void hash_of(const char *secret, uint8_t hash[HASH])
{
	crypto_generichash(hash, HASH, (const uint8_t *)secret, strlen(secret),
			   NULL, 0);
}

static void secret_make(char text[ACCESS_SECRET])
{
	uint8_t octets[32];

	randombytes_buf(octets, sizeof(octets));
	sodium_bin2base64(text, ACCESS_SECRET, octets, sizeof(octets),
			  sodium_base64_VARIANT_URLSAFE_NO_PADDING);
	sodium_memzero(octets, sizeof(octets));
}

/* ------------------------------------------------------------- sessions */

static bool session_over(const struct access *a, const struct session *s,
			 uint64_t now)
{
	return now - s->last > a->idle || now - s->begun > LIFE_SECONDS;
}

/* A free place, else that of the session that has been idle for longest. */
static struct session *session_place(struct access *a, uint64_t now)
{
	struct session *oldest = &a->session[0];

	for (unsigned i = 0; i < SESSIONS_MAX; i++) {
		struct session *s = &a->session[i];

		if (s->used && session_over(a, s, now))
			access_end(a, s);
		if (!s->used)
			return s;
		if (s->last < oldest->last)
			oldest = s;
	}
	return oldest;
}

struct session *access_begin(struct access *a, const struct principal *who,
			     uint64_t now, char secret[ACCESS_SECRET])
{
	struct session *s = session_place(a, now);

	secret_make(secret);
	secret_make(s->csrf);
	hash_of(secret, s->hash);
	s->who = *who;
	s->who.session = s;
	s->begun = s->last = now;
	s->used = true;
	return s;
}

bool access_session(struct access *a, const char *secret, uint64_t now,
		    struct principal *who)
{
	uint8_t hash[HASH];

	hash_of(secret, hash);
	for (unsigned i = 0; i < SESSIONS_MAX; i++) {
		struct session *s = &a->session[i];

		if (!s->used || sodium_memcmp(s->hash, hash, HASH) != 0)
			continue;
		if (session_over(a, s, now)) {
			access_end(a, s);
			return false;
		}
		s->last = now;
		*who = s->who;
		return true;
	}
	return false;
}

const char *session_csrf(const struct session *s)
{
	return s->csrf;
}

void access_end(struct access *a, struct session *s)
{
	(void)a;
	sodium_memzero(s, sizeof(*s));
}

void access_end_all(struct access *a, enum role role, const char *name,
		    const struct session *but)
{
	for (unsigned i = 0; i < SESSIONS_MAX; i++) {
		struct session *s = &a->session[i];

		if (s->used && s != but &&
		    (s->who.role == ROLE_USER) == (role == ROLE_USER) &&
		    strcmp(s->who.name, name) == 0)
			access_end(a, s);
	}
}

bool access_token(struct access *a, const char *token, struct principal *who)
{
	struct store_token t;

	if (strncmp(token, TOKEN_PREFIX, strlen(TOKEN_PREFIX)) != 0 ||
	    store_token_get(a->store, token, &t) != 0)
		return false;
	memset(who, 0, sizeof(*who));
	who->role = t.role;
	memcpy(who->name, t.name, sizeof(who->name));
	return true;
}

bool access_may(const struct principal *who, enum role need)
{
	if (need <= ROLE_ANY)
		return who->role >= need;
	if (need == ROLE_USER || who->role == ROLE_USER)
		return who->role == need;
	return who->role >= need;
}

/* -------------------------------------------------------------- guesses */

/* kind keeps an address from meeting a name of the same text. */
static struct guess *guess_at(struct access *a, char kind, const char *text,
			      bool make)
{
	char all[ACCESS_NAME_MAX + 64];
	struct guess *g;
	uint64_t key;

	snprintf(all, sizeof(all), "%c%s", kind, text);
	crypto_shorthash((uint8_t *)&key, (const uint8_t *)all, strlen(all),
			 a->seed);
	key |= 1; /* never 0 */
	g = &a->guess[(key >> 32) % GUESS_ENTRIES];
	if (g->key == key)
		return g;
	if (!make)
		return NULL;
	*g = (struct guess){.key = key};
	return g;
}

static unsigned guess_wait(const struct guess *g, uint64_t now)
{
	return g && g->until > now ? (unsigned)(g->until - now) : 0;
}

unsigned access_guess(struct access *a, const char *source, const char *name,
		      uint64_t now)
{
	unsigned s = guess_wait(guess_at(a, 's', source, false), now);
	unsigned n = guess_wait(guess_at(a, 'n', name, false), now);

	return s > n ? s : n;
}

static void guess_failed(struct guess *g, unsigned costless, unsigned most,
			 uint64_t now)
{
	unsigned over, wait;

	if (now - g->last > GUESS_MAX)
		g->failed = 0;
	g->last = now;
	over = ++g->failed > costless ? g->failed - costless : 0;
	if (!over)
		return;
	wait = over > 10 ? most : 1u << over;
	g->until = now + (wait < most ? wait : most);
}

void access_failed(struct access *a, const char *source, const char *name,
		   uint64_t now)
{
	guess_failed(guess_at(a, 's', source, true), GUESS_FREE, GUESS_MAX,
		     now);
	guess_failed(guess_at(a, 'n', name, true), NAME_FREE, 30, now);
}

void access_right(struct access *a, const char *source, const char *name)
{
	struct guess *s = guess_at(a, 's', source, false);
	struct guess *n = guess_at(a, 'n', name, false);

	if (s)
		s->key = 0;
	if (n)
		n->key = 0;
}
