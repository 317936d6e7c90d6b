/* SPDX-License-Identifier: Apache-2.0 */
#include "control/sip/tls.h"
#include <arpa/inet.h>
#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>
#include <openssl/err.h>
#include <openssl/ssl.h>
#include <openssl/x509v3.h>
#include "control/certificate.h"
#include "control/log.h"
#include "control/sip/addr.h"

#define NAMES_MAX 32 /* addresses of a certificate of ours */

struct tls_identity {
	char certificate[PATH_MAX], key[PATH_MAX];
	const char *ca; /* NULL: the system's */
	struct tls *server;
};

static void identity_destructor(void *arg)
{
	struct tls_identity *id = arg;

	mem_deref(id->server);
}

static const char *openssl_reason(void)
{
	unsigned long e = ERR_peek_last_error();
	const char *text = e ? ERR_reason_error_string(e) : NULL;

	ERR_clear_error();
	return text ? text : "unknown error";
}

/* A certificate for those who have none yet: for the domain and each address
 * that is listened on. */
static int make_identity(const struct tls_identity *id,
			 const struct config_sip *cfg, const char *domain,
			 char *err, size_t errlen)
{
	char text[NAMES_MAX][INET6_ADDRSTRLEN];
	const char *names[1 + NAMES_MAX] = {domain};
	unsigned n = 1;
	int e;

	for (unsigned i = 0; i < cfg->listen_count && n <= NAMES_MAX; i++) {
		struct sip_listen l;
		bool seen = false;

		if (!sip_listen_parse(&l, cfg->listen[i]))
			continue;
		re_snprintf(text[n - 1], sizeof(text[0]), "%j", &l.addr);
		for (unsigned j = 1; j < n; j++)
			seen |= !strcmp(names[j], text[n - 1]);
		if (seen)
			continue;
		names[n] = text[n - 1];
		n++;
	}
	e = certificate_make(id->certificate, id->key, names, n, err, errlen);
	if (!e)
		log_info(0,
			 "made a self-signed certificate for SIP over TLS: %s",
			 id->certificate);
	return e;
}

/* Contexts */

static int context(struct tls **tlsp, const struct tls_identity *id,
		   SSL_CTX **ctx)
{
	static const unsigned char sessions[] = "sallyport-sip";
	int err = tls_alloc(tlsp, TLS_METHOD_SSLV23, NULL, NULL);

	if (err)
		return err;
	*ctx = tls_openssl_context(*tlsp);
	if (!SSL_CTX_set_min_proto_version(*ctx, TLS1_2_VERSION) ||
	    !SSL_CTX_set_cipher_list(*ctx, "ECDHE+AESGCM:ECDHE+CHACHA20") ||
	    !SSL_CTX_set_session_id_context(*ctx, sessions,
					    sizeof(sessions) - 1) ||
	    SSL_CTX_use_certificate_chain_file(*ctx, id->certificate) != 1 ||
	    SSL_CTX_use_PrivateKey_file(*ctx, id->key, SSL_FILETYPE_PEM) != 1 ||
	    !SSL_CTX_check_private_key(*ctx))
		return EINVAL;
	SSL_CTX_set_options(*ctx, SSL_OP_NO_RENEGOTIATION |
					  SSL_OP_CIPHER_SERVER_PREFERENCE);
	if (id->ca ? SSL_CTX_load_verify_locations(*ctx, id->ca, NULL) != 1
		   : !SSL_CTX_set_default_verify_paths(*ctx))
		return ENOENT;
	return 0;
}

static int server_context(struct tls_identity *id, const struct config_sip *cfg)
{
	const char *clients = cfg->tls.clients ? cfg->tls.clients : "none";
	int mode = SSL_VERIFY_NONE, err;
	SSL_CTX *ctx;

	err = context(&id->server, id, &ctx);
	if (err)
		return err;
	if (!strcmp(clients, "optional"))
		mode = SSL_VERIFY_PEER;
	else if (!strcmp(clients, "required"))
		mode = SSL_VERIFY_PEER | SSL_VERIFY_FAIL_IF_NO_PEER_CERT;
	if (mode != SSL_VERIFY_NONE && id->ca)
		SSL_CTX_set_client_CA_list(ctx,
					   SSL_load_client_CA_file(id->ca));
	SSL_CTX_set_verify(ctx, mode, NULL);
	return 0;
}

static void say_fingerprint(const struct tls_identity *id)
{
	X509 *x = SSL_CTX_get0_certificate(tls_openssl_context(id->server));
	unsigned char md[EVP_MAX_MD_SIZE];
	char text[3 * 32 + 1] = "";
	unsigned n = 0;

	if (!x || !X509_digest(x, EVP_sha256(), md, &n) || n != 32)
		return;
	for (unsigned i = 0; i < n; i++)
		snprintf(text + 3 * i, 4, "%02X:", md[i]);
	text[3 * n - 1] = '\0';
	log_info(0, "SIP over TLS with %s, SHA-256 %s", id->certificate, text);
}

int tls_identity_alloc(struct tls_identity **ip, const struct config_sip *cfg,
		       const char *domain, const char *folder, char *err,
		       size_t errlen)
{
	struct tls_identity *id = mem_zalloc(sizeof(*id), identity_destructor);
	int e = 0;

	if (!id)
		return ENOMEM;
	id->ca = cfg->tls.ca;
	if (cfg->tls.certificate) {
		re_snprintf(id->certificate, PATH_MAX, "%s",
			    cfg->tls.certificate);
		re_snprintf(id->key, PATH_MAX, "%s",
			    cfg->tls.key ? cfg->tls.key : cfg->tls.certificate);
	} else {
		re_snprintf(id->certificate, PATH_MAX, "%s/sip-cert.pem",
			    folder);
		re_snprintf(id->key, PATH_MAX, "%s/sip-key.pem", folder);
		if (access(id->certificate, F_OK))
			e = make_identity(id, cfg, domain, err, errlen);
	}
	if (e) {
		mem_deref(id);
		return e;
	}
	e = server_context(id, cfg);
	if (e) {
		snprintf(err, errlen,
			 "SIP over TLS with certificate %s, key %s%s%s: %s",
			 id->certificate, id->key, id->ca ? ", CA " : "",
			 id->ca ? id->ca : "", openssl_reason());
		mem_deref(id);
		return e;
	}
	say_fingerprint(id);
	*ip = id;
	return 0;
}

struct tls *tls_server(struct tls_identity *id)
{
	return id->server;
}

/* Nobody else says why: the connection just ends. */
static int on_verified(int good, X509_STORE_CTX *store)
{
	X509 *x = X509_STORE_CTX_get_current_cert(store);
	X509_VERIFY_PARAM *param = X509_STORE_CTX_get0_param(store);
	const char *name = X509_VERIFY_PARAM_get0_host(param, 0);
	char subject[128] = "none";

	if (good)
		return 1;
	if (x)
		X509_NAME_oneline(X509_get_subject_name(x), subject,
				  sizeof(subject));
	log_warn(
		0, "the certificate of %s (%s) can't be verified: %s",
		name ? name : "a SIP peer", subject,
		X509_verify_cert_error_string(X509_STORE_CTX_get_error(store)));
	return 0;
}

int tls_client(struct tls **tlsp, struct tls_identity *id, const char *name)
{
	struct tls *tls = NULL;
	X509_VERIFY_PARAM *param;
	SSL_CTX *ctx;
	struct sa sa;
	int err;

	err = context(&tls, id, &ctx);
	if (err)
		goto out;
	param = SSL_CTX_get0_param(ctx);
	X509_VERIFY_PARAM_set_hostflags(param,
					X509_CHECK_FLAG_NO_PARTIAL_WILDCARDS);
	if (!sa_set_str(&sa, name, 0)
		    ? !X509_VERIFY_PARAM_set1_ip_asc(param, name)
		    : !X509_VERIFY_PARAM_set1_host(param, name, 0))
		err = EINVAL;
	SSL_CTX_set_verify(ctx, SSL_VERIFY_PEER, on_verified);
out:
	if (err)
		mem_deref(tls);
	else
		*tlsp = tls;
	return err;
}
