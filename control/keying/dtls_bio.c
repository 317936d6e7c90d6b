/* SPDX-License-Identifier: Apache-2.0 */
/* OpenSSL reads the one datagram that has come, and what it writes is sent, one
 * write a datagram. (OpenSSL's memory BIOs would run datagrams together.) */
#include <openssl/bio.h>
#include <openssl/err.h>
#include <openssl/x509_vfy.h>
#include <sodium.h>
#include <string.h>
#include "control/keying/dtls_int.h"

#define COOKIE_LEN	 32
#define FIRST_TIMEOUT_US 400000u /* a branch is nearer than RFC 6347's second */
#define LAST_TIMEOUT_US	 4000000u
#define IP_UDP_OCTETS	 48

static int bio_read(BIO *b, char *out, int size)
{
	struct assoc *d = BIO_get_data(b);
	int n;

	BIO_clear_retry_flags(b);
	if (!d || !d->in_len || size <= 0) {
		BIO_set_retry_read(b);
		return -1;
	}
	n = d->in_len < (size_t)size ? (int)d->in_len : size;
	memcpy(out, d->in, (size_t)n);
	d->in_len = 0;
	return n;
}

static int bio_write(BIO *b, const char *p, int n)
{
	struct assoc *d = BIO_get_data(b);

	BIO_clear_retry_flags(b);
	if (d && n > 0)
		d->h.send(d->state == DTLS_LISTENING ? &d->from : &d->peer, p,
			  (size_t)n, d->h.arg);
	return n;
}

static long bio_ctrl(BIO *b, int cmd, long num, void *ptr)
{
	(void)b;
	(void)num;
	(void)ptr;
	switch (cmd) {
	case BIO_CTRL_FLUSH:
		return 1;
	case BIO_CTRL_DGRAM_QUERY_MTU:
		return DTLS_MTU;
	case BIO_CTRL_DGRAM_GET_MTU_OVERHEAD:
		return IP_UDP_OCTETS;
	default:
		return 0;
	}
}

static const BIO_METHOD *method(void)
{
	static BIO_METHOD *m;

	if (m)
		return m;
	m = BIO_meth_new(BIO_get_new_index() | BIO_TYPE_SOURCE_SINK,
			 "media port");
	if (m) {
		BIO_meth_set_read(m, bio_read);
		BIO_meth_set_write(m, bio_write);
		BIO_meth_set_ctrl(m, bio_ctrl);
	}
	return m;
}

static SSL *session(SSL_CTX *ctx)
{
	const BIO_METHOD *m = method();
	SSL *ssl = m ? SSL_new(ctx) : NULL;
	BIO *b = ssl ? BIO_new(m) : NULL;

	if (!b) {
		SSL_free(ssl);
		return NULL;
	}
	BIO_set_init(b, 1);
	SSL_set_bio(ssl, b, b);
	SSL_set_mtu(ssl, DTLS_MTU);
	return ssl;
}

static struct assoc *owner(const SSL *ssl)
{
	return BIO_get_data(SSL_get_rbio(ssl));
}

static unsigned timeout(SSL *ssl, unsigned us)
{
	(void)ssl;
	if (us == 0)
		return FIRST_TIMEOUT_US;
	return us >= LAST_TIMEOUT_US / 2 ? LAST_TIMEOUT_US : 2 * us;
}

SSL *assoc_ssl_new(struct assoc *d)
{
	SSL *ssl = session(d->id->ctx);

	if (!ssl || !assoc_profiles(d, ssl)) {
		SSL_free(ssl);
		return NULL;
	}
	BIO_set_data(SSL_get_rbio(ssl), d);
	DTLS_set_timer_cb(ssl, timeout);
	return ssl;
}

/* One session listens for all transports with this certificate, since nothing
 * stays in it; the association that gets a cookie back takes it. */
SSL *assoc_listen(struct assoc *d)
{
	SSL *ssl = d->id->listener;
	BIO_ADDR *peer = BIO_ADDR_new();
	int r = -1;

	if (!ssl)
		d->id->listener = ssl = session(d->id->ctx);
	if (ssl && peer) {
		BIO_set_data(SSL_get_rbio(ssl), d);
		ERR_clear_error();
		r = DTLSv1_listen(ssl, peer);
		BIO_set_data(SSL_get_rbio(ssl), NULL);
	}
	BIO_ADDR_free(peer);
	ERR_clear_error();
	if (r < 0 && ssl) { /* it may be half through something */
		SSL_free(ssl);
		d->id->listener = NULL;
	}
	if (r <= 0)
		return NULL;
	d->id->listener = NULL;
	if (!assoc_profiles(d, ssl)) {
		SSL_free(ssl);
		return NULL;
	}
	BIO_set_data(SSL_get_rbio(ssl), d);
	DTLS_set_timer_cb(ssl, timeout);
	return ssl;
}

/* ---------------------------------------------------------------- cookies */

static void cookie_of(const struct sp_addr *a, uint8_t out[COOKIE_LEN])
{
	static uint8_t secret[crypto_auth_KEYBYTES];
	static bool made;
	uint8_t text[19];

	if (!made)
		randombytes_buf(secret, sizeof(secret));
	made = true;
	text[0] = a->family;
	memcpy(text + 1, &a->port, 2);
	memcpy(text + 3, a->addr, 16);
	crypto_auth(out, text, sizeof(text), secret);
}

static int cookie_make(SSL *ssl, unsigned char *out, unsigned *len)
{
	struct assoc *d = owner(ssl);

	if (!d)
		return 0;
	cookie_of(&d->from, out);
	*len = COOKIE_LEN;
	return 1;
}

static int cookie_check(SSL *ssl, const unsigned char *p, unsigned len)
{
	struct assoc *d = owner(ssl);
	uint8_t right[COOKIE_LEN];

	if (!d || len != COOKIE_LEN)
		return 0;
	cookie_of(&d->from, right);
	return sodium_memcmp(p, right, COOKIE_LEN) == 0;
}

/* ------------------------------------------------------------ certificate */

/* Self-signed, whoever's: the fingerprint is what counts. Where it isn't known
 * yet, dtls.c looks once it is. */
static int certificate_check(X509_STORE_CTX *ctx, void *arg)
{
	SSL *ssl = X509_STORE_CTX_get_ex_data(
		ctx, SSL_get_ex_data_X509_STORE_CTX_idx());
	struct assoc *d = owner(ssl);

	(void)arg;
	if (!d || d->n_fp == 0 ||
	    assoc_certificate_fits(d, X509_STORE_CTX_get0_cert(ctx)))
		return 1;
	d->wrong_peer = true;
	X509_STORE_CTX_set_error(ctx, X509_V_ERR_CERT_REJECTED);
	return 0;
}

void assoc_ctx_handlers(SSL_CTX *ctx)
{
	SSL_CTX_set_cookie_generate_cb(ctx, cookie_make);
	SSL_CTX_set_cookie_verify_cb(ctx, cookie_check);
	SSL_CTX_set_cert_verify_callback(ctx, certificate_check, NULL);
}
