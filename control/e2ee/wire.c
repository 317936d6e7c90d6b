/* SPDX-License-Identifier: Apache-2.0 */
#include "control/e2ee/wire.h"
#include <string.h>

/* A reader that is overrun stays overrun: check once, at the end. */
struct reader {
	const uint8_t *p;
	size_t n;
	const char *bad; /* the first field that didn't fit */
};

static const uint8_t *take(struct reader *r, size_t n, const char *field)
{
	const uint8_t *p = r->p;

	if (r->bad || n > r->n) {
		r->bad = r->bad ? r->bad : field;
		return NULL;
	}
	r->p += n;
	r->n -= n;
	return p;
}

static uint8_t take8(struct reader *r, const char *field)
{
	const uint8_t *p = take(r, 1, field);

	return p ? *p : 0;
}

static uint16_t take16(struct reader *r, const char *field)
{
	const uint8_t *p = take(r, 2, field);

	return p ? e2ee_get16(p) : 0;
}

static struct e2ee_view take_lv(struct reader *r, const char *field)
{
	struct e2ee_view v = {.n = take16(r, field)};

	v.p = take(r, v.n, field);
	return v;
}

static enum e2ee_reason fail(const char **where, const char *field,
			     enum e2ee_reason r)
{
	*where = field;
	return r;
}

/* @return whether r was read to its end, exactly. */
static enum e2ee_reason finish(const struct reader *r, const char **where,
			       const char *whole)
{
	if (r->bad)
		return fail(where, r->bad, E2EE_R_MALFORMED);
	if (r->n)
		return fail(where, whole, E2EE_R_TRAILING);
	return E2EE_R_NONE;
}

static bool aor_char(uint8_t c, const char *extra)
{
	return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') ||
	       (c && strchr(extra, c));
}

static size_t aor_span(const uint8_t *p, size_t n, const char *extra)
{
	size_t i = 0;

	while (i < n && aor_char(p[i], extra))
		i++;
	return i;
}

bool e2ee_aor_valid(const void *aor, size_t len)
{
	const uint8_t *p = aor;
	size_t user, host;

	if (len > E2EE_AOR_MAX || len < 4 || memcmp(p, "sip:", 4))
		return false;
	p += 4, len -= 4;
	user = aor_span(p, len, "._+-");
	if (user < 1 || user > E2EE_AOR_USER_MAX || user == len ||
	    p[user] != '@')
		return false;
	p += user + 1, len -= user + 1;
	host = aor_span(p, len, ".-");
	return host == len && host >= 1 && host <= E2EE_AOR_HOST_MAX;
}

bool e2ee_media_suite(uint16_t suite)
{
	return suite == 0x0001 || suite == 0x0004 || suite == 0x0005;
}

bool e2ee_media_valid(const struct e2ee_media_list *l)
{
	for (unsigned k = 0; k < E2EE_KINDS; k++)
		if (l->suite[k] && !e2ee_media_suite(l->suite[k]))
			return false;
	return l->suite[E2EE_AUDIO] != 0;
}

/* KEM keys belong to suites that we pass over. A list of nothing but suite 1
 * has no use for one. */
static enum e2ee_reason m1_suites(const struct e2ee_m1 *m, const char **where)
{
	bool ours = false, others = false;

	if (!m->suites.n || m->suites.n % 2)
		return fail(where, "M1 suites", E2EE_R_MALFORMED);
	for (size_t i = 0; i < m->suites.n; i += 2)
		if (e2ee_get16(m->suites.p + i) == E2EE_SUITE_1)
			ours = true;
		else
			others = true;
	if (!ours)
		return fail(where, "M1 suites", E2EE_R_SUITE);
	if (m->kem.n && !others)
		return fail(where, "M1 KEM public key", E2EE_R_KEM);
	return E2EE_R_NONE;
}

enum e2ee_reason e2ee_m1_read(struct e2ee_view v, struct e2ee_m1 *m,
			      const char **where)
{
	struct reader r = {.p = v.p, .n = v.n};
	enum e2ee_reason why;
	uint8_t version;

	if (take8(&r, "M1 type") != 1)
		return fail(where, "M1 type", E2EE_R_MALFORMED);
	version = take8(&r, "M1 version");
	if (!r.bad && version != E2EE_VERSION)
		return fail(where, "M1 version", E2EE_R_VERSION);
	m->suites = take_lv(&r, "M1 suites");
	m->flags = take8(&r, "M1 flags");
	m->call_id = take(&r, E2EE_RANDOM, "M1 call_id");
	m->commit = take(&r, E2EE_COMMIT, "M1 C_I");
	m->kem = take_lv(&r, "M1 KEM public key");
	why = finish(&r, where, "M1");
	if (why)
		return why;
	if (m->flags & ~E2EE_FLAG_REQUIRED)
		return fail(where, "M1 flags", E2EE_R_FLAGS);
	return m1_suites(m, where);
}

enum e2ee_reason e2ee_m2_read(struct e2ee_view v, struct e2ee_m2 *m,
			      const char **where)
{
	struct reader r = {.p = v.p, .n = v.n};
	struct e2ee_view kem;
	enum e2ee_reason why;
	uint8_t version;

	if (take8(&r, "M2 type") != 2)
		return fail(where, "M2 type", E2EE_R_MALFORMED);
	version = take8(&r, "M2 version");
	if (!r.bad && version != E2EE_VERSION)
		return fail(where, "M2 version", E2EE_R_VERSION);
	m->suite = take16(&r, "M2 suite");
	m->flags = take8(&r, "M2 flags");
	m->x = take(&r, E2EE_KEY, "M2 X_R");
	m->n = take(&r, E2EE_RANDOM, "M2 n_R");
	m->commit = take(&r, E2EE_COMMIT, "M2 C_R");
	kem = take_lv(&r, "M2 KEM ciphertext");
	why = finish(&r, where, "M2");
	if (why)
		return why;
	if (m->suite != E2EE_SUITE_1) /* the only one that M1 offered */
		return fail(where, "M2 suite", E2EE_R_SUITE);
	if (m->flags & ~E2EE_FLAG_REQUIRED)
		return fail(where, "M2 flags", E2EE_R_FLAGS);
	if (kem.n)
		return fail(where, "M2 KEM ciphertext", E2EE_R_KEM);
	return E2EE_R_NONE;
}

enum e2ee_reason e2ee_m3_read(struct e2ee_view v, struct e2ee_m3 *m,
			      const char **where)
{
	struct reader r = {.p = v.p, .n = v.n};

	if (take8(&r, "M3 type") != 3)
		return fail(where, "M3 type", E2EE_R_MALFORMED);
	m->x = take(&r, E2EE_KEY, "M3 X_I");
	m->r = take(&r, E2EE_RANDOM, "M3 r_I");
	m->sealed = (struct e2ee_view){r.p, r.n};
	take(&r, E2EE_TAG, "M3 sealed part");
	return r.bad ? fail(where, r.bad, E2EE_R_MALFORMED) : E2EE_R_NONE;
}

enum e2ee_reason e2ee_sealed_read(struct e2ee_view v, struct e2ee_view *sealed,
				  const char **where)
{
	if (v.n < 1 + E2EE_TAG)
		return fail(where, "sealed part", E2EE_R_MALFORMED);
	*sealed = (struct e2ee_view){v.p + 1, v.n - 1};
	return E2EE_R_NONE;
}

enum e2ee_reason e2ee_signed_read(struct e2ee_view v, struct e2ee_view *idb,
				  const uint8_t **sig, const char **where)
{
	struct reader r = {.p = v.p, .n = v.n};

	*idb = take_lv(&r, "identity block");
	*sig = take(&r, E2EE_SIG, "signature");
	return finish(&r, where, "sealed part");
}

static enum e2ee_reason media_read(struct e2ee_view v,
				   struct e2ee_media_list *l,
				   const char **where)
{
	struct reader r = {.p = v.p, .n = v.n};
	int last = -1;

	memset(l, 0, sizeof(*l));
	while (r.n && !r.bad) {
		uint8_t kind = take8(&r, "media list");
		uint16_t suite = take16(&r, "media list");
		uint8_t mode = take8(&r, "media list");

		if (r.bad)
			break;
		if (kind >= E2EE_KINDS || kind <= last)
			return fail(where, "media list kind",
				    E2EE_R_MEDIA_LIST);
		if (!e2ee_media_suite(suite))
			return fail(where, "media list suite",
				    E2EE_R_MEDIA_LIST);
		if (mode != E2EE_MODE_PACKET)
			return fail(where, "media list mode",
				    E2EE_R_MEDIA_LIST);
		l->suite[kind] = suite;
		last = kind;
	}
	if (r.bad || !e2ee_media_valid(l))
		return fail(where, "media list", E2EE_R_MEDIA_LIST);
	return E2EE_R_NONE;
}

enum e2ee_reason e2ee_idb_read(struct e2ee_view v, struct e2ee_idb *m,
			       const char **where)
{
	struct reader r = {.p = v.p, .n = v.n};
	struct e2ee_view list;
	enum e2ee_reason why;

	m->key = take(&r, E2EE_KEY, "identity key");
	m->own = take_lv(&r, "own AOR");
	m->peer = take_lv(&r, "peer's AOR");
	list = take_lv(&r, "media list");
	why = finish(&r, where, "identity block");
	if (why)
		return why;
	if (!e2ee_aor_valid(m->own.p, m->own.n))
		return fail(where, "own AOR", E2EE_R_AOR);
	if (!e2ee_aor_valid(m->peer.p, m->peer.n))
		return fail(where, "peer's AOR", E2EE_R_AOR);
	return media_read(list, &m->media, where);
}

static uint8_t *put(uint8_t *o, const void *p, size_t n)
{
	memcpy(o, p, n);
	return o + n;
}

static uint8_t *put_lv(uint8_t *o, const void *p, size_t n)
{
	e2ee_put16(o, (uint16_t)n);
	return put(o + 2, p, n);
}

size_t e2ee_m1_write(uint8_t out[E2EE_M1_OWN], uint8_t flags,
		     const uint8_t call_id[E2EE_RANDOM],
		     const uint8_t commit[E2EE_COMMIT])
{
	static const uint8_t suites[2] = {0, E2EE_SUITE_1};
	uint8_t *o = out;

	*o++ = 1;
	*o++ = E2EE_VERSION;
	o = put_lv(o, suites, sizeof(suites));
	*o++ = flags;
	o = put(o, call_id, E2EE_RANDOM);
	o = put(o, commit, E2EE_COMMIT);
	o = put_lv(o, "", 0);
	return (size_t)(o - out);
}

size_t e2ee_m2_write(uint8_t out[E2EE_M2_OWN], uint8_t flags,
		     const uint8_t x[E2EE_KEY], const uint8_t n[E2EE_RANDOM],
		     const uint8_t commit[E2EE_COMMIT])
{
	uint8_t *o = out;

	*o++ = 2;
	*o++ = E2EE_VERSION;
	e2ee_put16(o, E2EE_SUITE_1);
	o += 2;
	*o++ = flags;
	o = put(o, x, E2EE_KEY);
	o = put(o, n, E2EE_RANDOM);
	o = put(o, commit, E2EE_COMMIT);
	o = put_lv(o, "", 0);
	return (size_t)(o - out);
}

size_t e2ee_idb_write(uint8_t out[E2EE_IDB_MAX], const uint8_t key[E2EE_KEY],
		      const char *own, const char *peer,
		      const struct e2ee_media_list *l)
{
	uint8_t list[4 * E2EE_KINDS], *e = list, *o = out;

	for (unsigned k = 0; k < E2EE_KINDS; k++) {
		if (!l->suite[k])
			continue;
		*e++ = (uint8_t)k;
		e2ee_put16(e, l->suite[k]);
		e += 2;
		*e++ = E2EE_MODE_PACKET;
	}
	o = put(o, key, E2EE_KEY);
	o = put_lv(o, own, strlen(own));
	o = put_lv(o, peer, strlen(peer));
	o = put_lv(o, list, (size_t)(e - list));
	return (size_t)(o - out);
}
