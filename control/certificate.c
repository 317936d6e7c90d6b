/* SPDX-License-Identifier: Apache-2.0 */
#include "control/certificate.h"
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <openssl/bio.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/rand.h>
#include <openssl/x509v3.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define YEARS	      10
#define SERIAL_OCTETS 16
#define SAN_MAX	      4096 /* octets */
#define CN_MAX	      64   /* ub-common-name, RFC 5280 appendix A */

static int fail(char *err, size_t errlen, const char *what)
{
	unsigned long code = ERR_get_error();
	const char *why = code ? ERR_reason_error_string(code) : NULL;

	snprintf(err, errlen, "%s%s%s", what, why ? ": " : "", why ? why : "");
	ERR_clear_error();
	return -1;
}

/* --------------------------------------------------------------- files */

char *certificate_file(const char *path)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC), err;
	char *text = NULL;
	struct stat st;
	ssize_t n;

	if (fd < 0)
		return NULL;
	if (fstat(fd, &st) < 0)
		goto fail;
	if (!S_ISREG(st.st_mode) || st.st_size > CERTIFICATE_PEM_MAX) {
		errno = EINVAL;
		goto fail;
	}
	text = malloc((size_t)st.st_size + 1);
	if (!text)
		goto fail;
	n = read(fd, text, (size_t)st.st_size);
	if (n < 0)
		goto fail;
	text[n] = '\0';
	close(fd);
	return text;

fail:
	err = errno;
	free(text);
	close(fd);
	errno = err;
	return NULL;
}

int certificate_write(const char *path, const char *text, unsigned mode)
{
	char temporary[PATH_MAX];
	size_t len = strlen(text);
	int fd, err = 0;

	if (snprintf(temporary, sizeof(temporary), "%s.new", path) >=
	    (int)sizeof(temporary))
		return ENAMETOOLONG;
	unlink(temporary);
	fd = open(temporary, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, mode);
	if (fd < 0)
		return errno;
	if (write(fd, text, len) != (ssize_t)len || fsync(fd) < 0)
		err = errno ? errno : EIO;
	close(fd);
	if (!err && rename(temporary, path) < 0)
		err = errno;
	if (err)
		unlink(temporary);
	return err;
}

/* ----------------------------------------------------------------- made */

/* "DNS:a,IP:b" as OpenSSL's extension syntax wants it. A name with a comma
 * would be two. */
static bool names_print(char *text, size_t size, const char *const names[],
			unsigned n)
{
	size_t len = 0;

	text[0] = '\0';
	for (unsigned i = 0; i < n; i++) {
		struct in6_addr a;
		bool ip = inet_pton(AF_INET, names[i], &a) == 1 ||
			  inet_pton(AF_INET6, names[i], &a) == 1;

		if (strchr(names[i], ','))
			return false;
		len += (size_t)snprintf(text + len, size - len, "%s%s:%s",
					len ? "," : "", ip ? "IP" : "DNS",
					names[i]);
		if (len >= size)
			return false;
	}
	return n > 0;
}

static bool extension_add(X509 *x, int nid, const char *value)
{
	X509V3_CTX ctx;
	X509_EXTENSION *e;
	bool done;

	X509V3_set_ctx_nodb(&ctx);
	X509V3_set_ctx(&ctx, x, x, NULL, NULL, 0);
	e = X509V3_EXT_conf_nid(NULL, &ctx, nid, value);
	done = e && X509_add_ext(x, e, -1) == 1;
	X509_EXTENSION_free(e);
	return done;
}

static bool serial_set(X509 *x)
{
	uint8_t octets[SERIAL_OCTETS];
	BIGNUM *bn;
	bool done;

	if (RAND_bytes(octets, sizeof(octets)) != 1)
		return false;
	octets[0] &= 0x7f; /* positive, RFC 5280 section 4.1.2.2 */
	bn = BN_bin2bn(octets, sizeof(octets), NULL);
	done = bn && BN_to_ASN1_INTEGER(bn, X509_get_serialNumber(x));
	BN_free(bn);
	return done;
}

static X509 *self_signed(EVP_PKEY *key, const char *const names[], unsigned n)
{
	X509 *x = X509_new();
	X509_NAME *name;
	char san[SAN_MAX], cn[CN_MAX + 1];

	if (!x || !names_print(san, sizeof(san), names, n))
		goto fail;
	snprintf(cn, sizeof(cn), "%s", names[0]);
	name = X509_get_subject_name(x);
	if (X509_set_version(x, X509_VERSION_3) != 1 || !serial_set(x) ||
	    !X509_gmtime_adj(X509_getm_notBefore(x), -60 * 60) ||
	    !X509_time_adj_ex(X509_getm_notAfter(x), YEARS * 365, 0, NULL) ||
	    X509_NAME_add_entry_by_txt(name, "CN", MBSTRING_UTF8,
				       (const uint8_t *)cn, -1, -1, 0) != 1 ||
	    X509_set_issuer_name(x, name) != 1 ||
	    X509_set_pubkey(x, key) != 1 ||
	    !extension_add(x, NID_subject_alt_name, san) ||
	    !extension_add(x, NID_basic_constraints, "critical,CA:FALSE") ||
	    !extension_add(x, NID_key_usage, "critical,digitalSignature") ||
	    !extension_add(x, NID_ext_key_usage, "serverAuth,clientAuth") ||
	    X509_sign(x, key, EVP_sha256()) == 0)
		goto fail;
	return x;

fail:
	X509_free(x);
	return NULL;
}

/* What a memory BIO holds, as a C string. */
static char *bio_text(BIO *b)
{
	char *data, *text;
	long n = BIO_get_mem_data(b, &data);

	text = n > 0 ? malloc((size_t)n + 1) : NULL;
	if (text) {
		memcpy(text, data, (size_t)n);
		text[n] = '\0';
	}
	return text;
}

int certificate_make(const char *cert_path, const char *key_path,
		     const char *const names[], unsigned n, char *err,
		     size_t errlen)
{
	EVP_PKEY *key = EVP_EC_gen("P-256");
	X509 *x = key ? self_signed(key, names, n) : NULL;
	BIO *kb = BIO_new(BIO_s_secmem()), *cb = BIO_new(BIO_s_mem());
	char *kt = NULL, *ct = NULL;
	int e = EIO;

	if (!x || !kb || !cb ||
	    PEM_write_bio_PrivateKey(kb, key, NULL, NULL, 0, NULL, NULL) != 1 ||
	    PEM_write_bio_X509(cb, x) != 1) {
		fail(err, errlen, "a certificate can't be made");
		goto out;
	}
	kt = bio_text(kb);
	ct = bio_text(cb);
	e = kt && ct ? certificate_write(key_path, kt, 0600) : ENOMEM;
	if (!e)
		e = certificate_write(cert_path, ct, 0644);
	if (e)
		snprintf(err, errlen, "%s: %s", cert_path, strerror(e));
out:
	if (kt)
		OPENSSL_cleanse(kt, strlen(kt));
	free(kt);
	free(ct);
	BIO_free(kb);
	BIO_free(cb);
	X509_free(x);
	EVP_PKEY_free(key);
	return e;
}

/* -------------------------------------------------------------- checked */

static int64_t time_of(const ASN1_TIME *t)
{
	struct tm tm;

	return ASN1_TIME_to_tm(t, &tm) == 1 ? (int64_t)timegm(&tm) : 0;
}

static void fingerprint_print(const X509 *x, char *text, size_t size)
{
	uint8_t md[EVP_MAX_MD_SIZE];
	unsigned n = 0;
	size_t len = 0;

	text[0] = '\0';
	if (X509_digest(x, EVP_sha256(), md, &n) != 1)
		return;
	for (unsigned i = 0; i < n && len < size; i++)
		len += (size_t)snprintf(text + len, size - len, "%s%02X",
					i ? ":" : "", md[i]);
}

static void alt_names_print(X509 *x, char *text, size_t size)
{
	GENERAL_NAMES *list =
		X509_get_ext_d2i(x, NID_subject_alt_name, NULL, NULL);
	size_t len = 0;

	text[0] = '\0';
	for (int i = 0; i < sk_GENERAL_NAME_num(list) && len < size; i++) {
		const GENERAL_NAME *g = sk_GENERAL_NAME_value(list, i);
		char one[INET6_ADDRSTRLEN] = "";
		const ASN1_STRING *s = g->d.ia5;
		int n;

		if (g->type == GEN_IPADD && ASN1_STRING_length(s) == 4)
			inet_ntop(AF_INET, ASN1_STRING_get0_data(s), one,
				  sizeof(one));
		else if (g->type == GEN_IPADD && ASN1_STRING_length(s) == 16)
			inet_ntop(AF_INET6, ASN1_STRING_get0_data(s), one,
				  sizeof(one));
		else if (g->type != GEN_DNS)
			continue;
		n = one[0] ? (int)strlen(one) : ASN1_STRING_length(s);
		len += (size_t)snprintf(
			text + len, size - len, "%s%.*s", len ? ", " : "", n,
			one[0] ? one : (const char *)ASN1_STRING_get0_data(s));
	}
	GENERAL_NAMES_free(list);
}

static void info_fill(X509 *x, struct certificate_info *info)
{
	X509_NAME_oneline(X509_get_subject_name(x), info->subject,
			  sizeof(info->subject));
	alt_names_print(x, info->names, sizeof(info->names));
	fingerprint_print(x, info->fingerprint, sizeof(info->fingerprint));
	info->since = time_of(X509_get0_notBefore(x));
	info->until = time_of(X509_get0_notAfter(x));
	info->self_signed = X509_self_signed(x, 1) == 1;
}

int64_t certificate_until(const char *cert)
{
	BIO *b = BIO_new_mem_buf(cert, -1);
	X509 *x = b ? PEM_read_bio_X509(b, NULL, NULL, NULL) : NULL;
	int64_t until = x ? time_of(X509_get0_notAfter(x)) : 0;

	X509_free(x);
	BIO_free(b);
	ERR_clear_error();
	return until;
}

int certificate_check(const char *cert, const char *key,
		      struct certificate_info *info, char *err, size_t errlen)
{
	BIO *cb = BIO_new_mem_buf(cert, -1), *kb = BIO_new_mem_buf(key, -1);
	X509 *x = cb ? PEM_read_bio_X509(cb, NULL, NULL, NULL) : NULL;
	EVP_PKEY *k = NULL;
	int e = -1;

	/* no prompt for a pass phrase on the console: an empty one instead */
	if (kb)
		k = PEM_read_bio_PrivateKey(kb, NULL, NULL, (void *)"");
	if (!x)
		fail(err, errlen, "no PEM certificate");
	else if (!k)
		fail(err, errlen, "no PEM private key (without pass phrase)");
	else if (X509_check_private_key(x, k) != 1)
		fail(err, errlen, "the key isn't the certificate's");
	else if (X509_cmp_current_time(X509_get0_notAfter(x)) <= 0)
		fail(err, errlen, "the certificate has expired");
	else
		e = 0;
	if (!e && info) {
		memset(info, 0, sizeof(*info));
		info_fill(x, info);
	}
	EVP_PKEY_free(k);
	X509_free(x);
	BIO_free(cb);
	BIO_free(kb);
	ERR_clear_error();
	return e;
}
