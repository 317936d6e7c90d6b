/* SPDX-License-Identifier: Apache-2.0 */
#include "control/sip/tls.h"
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/ssl.h>
#include <openssl/x509v3.h>
#include "control/log.h"
#include "control/sip/addr.h"

#define VALID_DAYS 3650

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

/* A certificate for those who have none yet */

/* "DNS:sallyport.example,IP:10.1.0.1,IP:2001:db8::1", each once. */
static int names(struct mbuf *mb, const struct config_sip *cfg,
		 const char *domain)
{
	int err = mbuf_printf(mb, "DNS:%s", domain);

	for (unsigned i = 0; i < cfg->listen_count; i++) {
		struct sip_listen l, before;
		bool seen = false;

		if (!sip_listen_parse(&l, cfg->listen[i]))
			continue;
		for (unsigned j = 0; j < i; j++)
			seen |= sip_listen_parse(&before, cfg->listen[j]) &&
				sa_cmp(&l.addr, &before.addr, SA_ADDR);
		if (!seen)
			err |= mbuf_printf(mb, ",IP:%j", &l.addr);
	}
	return err | mbuf_write_u8(mb, '\0');
}

static bool extend(X509 *x, int nid, const char *value)
{
	X509V3_CTX ctx;
	X509_EXTENSION *e;
	bool ok;

	X509V3_set_ctx(&ctx, x, x, NULL, NULL, 0);
	e = X509V3_EXT_conf_nid(NULL, &ctx, nid, value);
	ok = e && X509_add_ext(x, e, -1);
	X509_EXTENSION_free(e);
	return ok;
}

static X509 *self_signed(EVP_PKEY *key, const char *domain, const char *alt)
{
	X509 *x = X509_new();
	X509_NAME *name = x ? X509_get_subject_name(x) : NULL;
	unsigned char cn[65];

	if (!name)
		goto fail;
	snprintf((char *)cn, sizeof(cn), "%s", domain);
	if (!X509_set_version(x, X509_VERSION_3) ||
	    !ASN1_INTEGER_set_uint64(X509_get_serialNumber(x),
				     rand_u64() >> 1) ||
	    !X509_gmtime_adj(X509_getm_notBefore(x), -3600) ||
	    !X509_time_adj_ex(X509_getm_notAfter(x), VALID_DAYS, 0, NULL) ||
	    !X509_NAME_add_entry_by_txt(name, "CN", MBSTRING_UTF8, cn, -1, -1,
					0) ||
	    !X509_set_issuer_name(x, name) || !X509_set_pubkey(x, key) ||
	    !extend(x, NID_subject_alt_name, alt) ||
	    !extend(x, NID_basic_constraints, "critical,CA:FALSE") ||
	    !extend(x, NID_ext_key_usage, "serverAuth,clientAuth") ||
	    !X509_sign(x, key, EVP_sha256()))
		goto fail;
	return x;
fail:
	X509_free(x);
	return NULL;
}

static FILE *create(const char *path, mode_t mode)
{
	int fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, mode);

	return fd < 0 ? NULL : fdopen(fd, "w");
}

/* The certificate is put in its place last: where it is, the key is too. */
static int make_identity(const struct tls_identity *id,
			 const struct config_sip *cfg, const char *domain)
{
	EVP_PKEY *key = EVP_EC_gen("P-256");
	struct mbuf *alt = mbuf_alloc(256);
	FILE *f = NULL;
	X509 *x = NULL;
	int err = EIO;

	unlink(id->key);
	if (key && alt && !names(alt, cfg, domain))
		x = self_signed(key, domain, (char *)alt->buf);
	if (x)
		f = create(id->key, 0600);
	if (!f || !PEM_write_PrivateKey(f, key, NULL, NULL, 0, NULL, NULL))
		goto out;
	if (fflush(f) || fsync(fileno(f)))
		goto out;
	fclose(f);
	f = create(id->certificate, 0644);
	if (!f || !PEM_write_X509(f, x) || fflush(f) || fsync(fileno(f)))
		goto out;
	err = 0;
	log_info(0, "made a self-signed certificate for SIP over TLS: %s",
		 id->certificate);
out:
	if (f)
		fclose(f);
	X509_free(x);
	EVP_PKEY_free(key);
	mem_deref(alt);
	return err;
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
			e = make_identity(id, cfg, domain);
	}
	if (!e)
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
