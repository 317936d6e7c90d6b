/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/keying/peer.h"
#include <arpa/inet.h>
#include <openssl/err.h>
#include <openssl/x509.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

struct peer {
	struct peer_options o;
	SSL_CTX *ctx;
	SSL *ssl;
	X509 *cert;
	int fd;
	pthread_t thread;
	bool running;
	atomic_bool done;
	char text[256];
	uint8_t material[128];
};

static int any(X509_STORE_CTX *ctx, void *arg)
{
	(void)ctx;
	(void)arg;
	return 1;
}

static void die(const char *what)
{
	fprintf(stderr, "peer: %s\n", what);
	ERR_print_errors_fp(stderr);
	abort();
}

static void certify(struct peer *p)
{
	EVP_PKEY *key = p->o.rsa ? EVP_RSA_gen(2048) : EVP_EC_gen("P-256");

	p->cert = X509_new();
	X509_set_pubkey(p->cert, key);
	ASN1_INTEGER_set(X509_get_serialNumber(p->cert), 1);
	X509_gmtime_adj(X509_getm_notBefore(p->cert), 0);
	X509_gmtime_adj(X509_getm_notAfter(p->cert), 3600);
	X509_NAME_add_entry_by_txt(X509_get_subject_name(p->cert), "CN",
				   MBSTRING_ASC, (const uint8_t *)"peer", -1,
				   -1, 0);
	X509_set_issuer_name(p->cert, X509_get_subject_name(p->cert));
	if (!X509_sign(p->cert, key, EVP_sha256()))
		die("certificate");
	if (!p->o.no_certificate &&
	    (SSL_CTX_use_certificate(p->ctx, p->cert) != 1 ||
	     SSL_CTX_use_PrivateKey(p->ctx, key) != 1))
		die("use certificate");
	EVP_PKEY_free(key);
}

struct peer *peer_new(const struct peer_options *o)
{
	struct sockaddr_in here = {.sin_family = AF_INET,
				   .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
	struct peer *p = calloc(1, sizeof(*p));

	p->o = *o;
	p->ctx = SSL_CTX_new(o->client ? DTLS_client_method()
				       : DTLS_server_method());
	if (o->version)
		SSL_CTX_set_max_proto_version(p->ctx, o->version);
	certify(p);
	SSL_CTX_set_verify(p->ctx, SSL_VERIFY_PEER, NULL);
	SSL_CTX_set_cert_verify_callback(p->ctx, any, NULL);
	if (o->srtp && SSL_CTX_set_tlsext_use_srtp(p->ctx, o->srtp) != 0)
		die("use_srtp");
	if (o->ciphers && SSL_CTX_set_cipher_list(p->ctx, o->ciphers) != 1)
		die("ciphers");
	p->fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	if (p->fd < 0 || bind(p->fd, (struct sockaddr *)&here, sizeof(here)))
		die("socket");
	return p;
}

uint16_t peer_port(const struct peer *p)
{
	struct sockaddr_in here;
	socklen_t n = sizeof(here);

	getsockname(p->fd, (struct sockaddr *)&here, &n);
	return ntohs(here.sin_port);
}

const char *peer_fingerprint(struct peer *p, const char *hash)
{
	uint8_t digest[EVP_MAX_MD_SIZE];
	unsigned n = 0;
	char *out = p->text;

	X509_digest(p->cert, EVP_get_digestbyname(hash), digest, &n);
	out += sprintf(out, "sha-%s ", hash + 3);
	for (unsigned i = 0; i < n; i++)
		out += sprintf(out, "%s%02X", i ? ":" : "", digest[i]);
	return p->text;
}

static void *run(void *arg)
{
	static const char label[] = "EXTRACTOR-dtls_srtp";
	struct peer *p = arg;

	bool ok = (p->o.client ? SSL_connect(p->ssl) : SSL_accept(p->ssl)) == 1;

	if (ok)
		SSL_export_keying_material(p->ssl, p->material,
					   sizeof(p->material), label,
					   sizeof(label) - 1, NULL, 0, 0);
	p->done = ok;
	return NULL;
}

void peer_start(struct peer *p, uint16_t to)
{
	struct sockaddr_in there = {.sin_family = AF_INET,
				    .sin_port = htons(to),
				    .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
	struct timeval t = {.tv_sec = 3};
	BIO *b = BIO_new_dgram(p->fd, BIO_NOCLOSE);

	if (connect(p->fd, (struct sockaddr *)&there, sizeof(there)))
		die("connect");
	BIO_ctrl(b, BIO_CTRL_DGRAM_SET_CONNECTED, 0, &there);
	BIO_ctrl(b, BIO_CTRL_DGRAM_SET_RECV_TIMEOUT, 0, &t);
	p->ssl = SSL_new(p->ctx);
	SSL_set_bio(p->ssl, b, b);
	SSL_set_options(p->ssl, SSL_OP_NO_QUERY_MTU);
	SSL_set_mtu(p->ssl, 1200);
	pthread_create(&p->thread, NULL, run, p);
	p->running = true;
}

bool peer_done(struct peer *p)
{
	return p->done;
}

bool peer_join(struct peer *p)
{
	if (p->running)
		pthread_join(p->thread, NULL);
	p->running = false;
	return p->done;
}

const char *peer_profile(const struct peer *p)
{
	const SRTP_PROTECTION_PROFILE *s =
		SSL_get_selected_srtp_profile(p->ssl);

	return s ? s->name : "";
}

const uint8_t *peer_material(const struct peer *p)
{
	return p->material;
}

void peer_close(struct peer *p)
{
	SSL_shutdown(p->ssl);
}

void peer_free(struct peer *p)
{
	/* a thread that still waits gives up */
	if (p->running)
		shutdown(p->fd, SHUT_RDWR);
	peer_join(p);
	SSL_free(p->ssl);
	SSL_CTX_free(p->ctx);
	X509_free(p->cert);
	close(p->fd);
	free(p);
}
