/* SPDX-License-Identifier: Apache-2.0 */
#include "control/keying/dtls.h"
#include <openssl/err.h>
#include <stdlib.h>
#include <string.h>
#include <sys/time.h>
#include "control/keying/dtls_int.h"

#define RECORD_HEADER	  13
#define CONTENT_HANDSHAKE 22

static void shake(struct assoc *d);

static bool same(const struct sp_addr *a, const struct sp_addr *b)
{
	return a->family == b->family && a->port == b->port &&
	       memcmp(a->addr, b->addr, sizeof(a->addr)) == 0;
}

struct assoc *assoc_new(struct identity *id, const uint16_t suites[8],
			const struct assoc_handlers *h)
{
	struct assoc *d = id ? calloc(1, sizeof(*d)) : NULL;

	if (!d)
		return NULL;
	d->id = identity_ref(id);
	d->h = *h;
	memcpy(d->suites, suites, sizeof(d->suites));
	tmr_init(&d->tmr);
	return d;
}

static void forget(struct assoc *d)
{
	tmr_cancel(&d->tmr);
	SSL_free(d->ssl);
	d->ssl = NULL;
	hopkey_drop(&d->rx);
	hopkey_drop(&d->tx);
	d->wrong_peer = false;
}

void assoc_free(struct assoc *d)
{
	if (!d)
		return;
	if (d->state == DTLS_DONE) {
		ERR_clear_error();
		SSL_shutdown(d->ssl);
	}
	forget(d);
	ERR_clear_error();
	identity_drop(&d->id);
	free(d);
}

static void fail(struct assoc *d, const char *why)
{
	forget(d);
	memset(&d->peer, 0, sizeof(d->peer));
	d->state = d->role == DTLS_PASSIVE ? DTLS_LISTENING : DTLS_OVER;
	ERR_clear_error();
	d->h.event(DTLS_FAILED, why, d->h.arg);
}

static void on_timer(void *arg)
{
	struct assoc *d = arg;

	ERR_clear_error();
	if (tmr_jiffies() - d->begun >= DTLS_GIVE_UP_MS) {
		fail(d, "the DTLS handshake wasn't finished in time");
		return;
	}
	if (DTLSv1_handle_timeout(d->ssl) < 0) {
		fail(d, "the peer doesn't answer the DTLS handshake");
		return;
	}
	shake(d);
}

static void rearm(struct assoc *d)
{
	struct timeval left;
	uint64_t ms = DTLS_GIVE_UP_MS;

	if (DTLSv1_get_timeout(d->ssl, &left) == 1)
		ms = (uint64_t)left.tv_sec * 1000 +
		     (uint64_t)left.tv_usec / 1000 + 1;
	tmr_start(&d->tmr, ms, on_timer, d);
}

bool assoc_certificate_fits(const struct assoc *d, X509 *x)
{
	uint8_t *der = NULL;
	int n = x ? i2d_X509(x, &der) : 0;
	bool fits = false;

	for (unsigned i = 0; n > 0 && i < d->n_fp; i++)
		fits = fits || fingerprint_fits(&d->fp[i], der, (size_t)n);
	OPENSSL_free(der);
	return fits;
}

/* The handshake is over, and the fingerprint is here. */
static void finish(struct assoc *d)
{
	X509 *x = SSL_get1_peer_certificate(d->ssl);
	const char *why =
		assoc_certificate_fits(d, x)
			? NULL
			: "the peer's certificate isn't the one that its SDP "
			  "names";

	X509_free(x);
	if (!why)
		why = assoc_export(d);
	if (why) {
		fail(d, why);
		return;
	}
	d->state = DTLS_DONE;
	d->h.event(DTLS_KEYS, NULL, d->h.arg);
}

static void shake(struct assoc *d)
{
	int r;

	ERR_clear_error();
	r = SSL_do_handshake(d->ssl);
	if (r == 1) {
		tmr_cancel(&d->tmr);
		d->state = DTLS_WAITING;
		if (d->n_fp)
			finish(d);
		return;
	}
	switch (SSL_get_error(d->ssl, r)) {
	case SSL_ERROR_WANT_READ:
	case SSL_ERROR_WANT_WRITE:
		rearm(d);
		return;
	default:
		fail(d, d->wrong_peer
				? "the peer's certificate isn't the one that "
				  "its SDP names"
				: "the DTLS handshake failed");
	}
}

void assoc_expect(struct assoc *d, const struct fingerprint fp[], unsigned n)
{
	d->n_fp = n < DTLS_FINGERPRINTS ? n : DTLS_FINGERPRINTS;
	memcpy(d->fp, fp, d->n_fp * sizeof(fp[0]));
	if (d->state == DTLS_WAITING && d->n_fp)
		finish(d);
}

static void begin(struct assoc *d, SSL *ssl, const struct sp_addr *peer)
{
	d->ssl = ssl;
	d->peer = *peer;
	d->state = DTLS_SHAKING;
	d->begun = tmr_jiffies();
}

void assoc_start(struct assoc *d, enum assoc_role role,
		 const struct sp_addr *peer)
{
	SSL *ssl;

	if (d->state == DTLS_LISTENING && role == DTLS_ACTIVE)
		d->state = DTLS_IDLE; /* the answer says it is our part */
	if (d->state != DTLS_IDLE)
		return;
	d->role = role;
	if (role == DTLS_PASSIVE) {
		d->state = DTLS_LISTENING;
		return;
	}
	ssl = assoc_ssl_new(d);
	if (!ssl) {
		d->state = DTLS_OVER;
		d->h.event(DTLS_FAILED, "no memory for DTLS", d->h.arg);
		return;
	}
	SSL_set_connect_state(ssl);
	begin(d, ssl, peer);
	shake(d);
}

/* A first flight. @return true: a handshake has begun with it. */
static bool listened(struct assoc *d, bool trusted)
{
	SSL *ssl;

	if (d->in_len <= RECORD_HEADER || d->in[0] != CONTENT_HANDSHAKE)
		return false;
	ssl = trusted ? assoc_ssl_new(d) : assoc_listen(d);
	if (!ssl)
		return false;
	if (trusted) /* listening has done so, and would be undone */
		SSL_set_accept_state(ssl);
	begin(d, ssl, &d->from);
	return true;
}

/* Records of an association that is there: alerts, and a last flight of ours
 * that was lost. Data has no business here. */
static void after(struct assoc *d)
{
	uint8_t octets[256];
	int r;

	ERR_clear_error();
	do
		r = SSL_read(d->ssl, octets, sizeof(octets));
	while (r > 0);
	if (SSL_get_error(d->ssl, r) == SSL_ERROR_ZERO_RETURN) {
		SSL_shutdown(d->ssl);
		d->state = DTLS_OVER;
		d->h.event(DTLS_CLOSED, "the peer closed its DTLS association",
			   d->h.arg);
	}
	ERR_clear_error();
}

void assoc_recv(struct assoc *d, const struct sp_addr *from, const uint8_t *p,
		size_t n, bool trusted)
{
	d->from = *from;
	d->in = p;
	d->in_len = n;
	switch (d->state) {
	case DTLS_LISTENING:
		if (listened(d, trusted))
			shake(d);
		break;
	case DTLS_SHAKING:
		if (trusted)
			d->peer = *from;
		if (same(&d->peer, from))
			shake(d);
		break;
	case DTLS_WAITING:
	case DTLS_DONE:
		if (trusted)
			d->peer = *from;
		if (same(&d->peer, from))
			after(d);
		break;
	default:
		break;
	}
	d->in = NULL;
	d->in_len = 0;
}

struct hopkey *assoc_rx(const struct assoc *d)
{
	return d->state == DTLS_DONE ? d->rx : NULL;
}

struct hopkey *assoc_tx(const struct assoc *d)
{
	return d->state == DTLS_DONE ? d->tx : NULL;
}

const struct sp_addr *assoc_peer(const struct assoc *d)
{
	return &d->peer;
}
