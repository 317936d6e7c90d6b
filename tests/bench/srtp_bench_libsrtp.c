/* SPDX-License-Identifier: Apache-2.0 */
/* libsrtp2: as the distribution ships it, and a build on OpenSSL. Both are
 * loaded, not linked, so that the two can stand beside each other. */
#include <dlfcn.h>
#include <srtp2/srtp.h>
#include <stdlib.h>
#include <string.h>
#include "tests/bench/srtp_bench.h"

struct lib {
	const char *path; /* NULL: not there */
	void *handle;
	srtp_err_status_t (*init)(void);
	srtp_err_status_t (*create)(srtp_t *ctx, const srtp_policy_t *p);
	srtp_err_status_t (*dealloc)(srtp_t ctx);
	srtp_err_status_t (*protect)(srtp_t ctx, void *p, int *len);
	srtp_err_status_t (*unprotect)(srtp_t ctx, void *p, int *len);
	void (*rtp_default)(srtp_crypto_policy_t *p);
	void (*gcm)(srtp_crypto_policy_t *p);
	srtp_t *session;
	unsigned streams;
};

static struct {
	srtp_t s;
	uint8_t *data;
} packet[CHUNK];
static struct lib shipped = {.path = "libsrtp2.so.1"}, openssl;

static bool load(struct lib *lib)
{
	const struct {
		const char *name;
		void *at;
	} symbols[] = {
		{"srtp_init", &lib->init},
		{"srtp_create", &lib->create},
		{"srtp_dealloc", &lib->dealloc},
		{"srtp_protect", &lib->protect},
		{"srtp_unprotect", &lib->unprotect},
		{"srtp_crypto_policy_set_rtp_default", &lib->rtp_default},
		{"srtp_crypto_policy_set_aes_gcm_128_16_auth", &lib->gcm},
	};

	if (lib->handle)
		return true;
	if (!lib->path)
		return false;
	lib->handle = dlopen(lib->path, RTLD_NOW | RTLD_LOCAL);
	if (!lib->handle)
		return false;
	for (unsigned i = 0; i < sizeof(symbols) / sizeof(symbols[0]); i++) {
		void *f = dlsym(lib->handle, symbols[i].name);

		if (!f)
			return false;
		memcpy(symbols[i].at, &f, sizeof(f));
	}
	return lib->init() == srtp_err_status_ok;
}

static void lib_close(struct peer *p)
{
	struct lib *lib = p->own;

	for (unsigned i = 0; i < lib->streams; i++)
		lib->dealloc(lib->session[i]);
	free(lib->session);
	lib->session = NULL;
	lib->streams = 0;
}

static const char *lib_open(struct peer *p, const struct cell *c, double limit)
{
	struct lib *lib = p->own;
	const double start = seconds();
	const unsigned key_len = 16;

	if (!load(lib))
		return "not installed";
	lib->streams = 0;
	lib->session = calloc(c->streams, sizeof(*lib->session));
	for (uint32_t i = 0; lib->session && i < c->streams; i++) {
		const struct srtp_master m = master_of(c, i);
		uint8_t key[SP_KEY_MAX + SP_SALT_MAX];
		srtp_policy_t policy;

		memset(&policy, 0, sizeof(policy));
		(c->suite == SP_SUITE_AEAD_AES_128_GCM
			 ? lib->gcm
			 : lib->rtp_default)(&policy.rtp);
		policy.rtcp = policy.rtp;
		memcpy(key, m.key, key_len);
		memcpy(key + key_len, m.salt, SP_SALT_MAX);
		policy.key = key;
		policy.ssrc.type = ssrc_specific;
		policy.ssrc.value = SSRC;
		policy.window_size = 128;
		if (lib->create(&lib->session[i], &policy) !=
		    srtp_err_status_ok) {
			lib_close(p);
			return "cannot";
		}
		lib->streams++;
		if (seconds() - start > limit) {
			lib_close(p);
			return "set-up too slow";
		}
	}
	return lib->session ? NULL : "no memory";
}

static void lib_stage(struct peer *p, const struct load *l, unsigned first,
		      uint8_t *const buf[])
{
	const struct lib *lib = p->own;

	for (unsigned i = 0; i < CHUNK; i++) {
		packet[i].s = lib->session[l->stream[first + i]];
		packet[i].data = buf[i];
	}
}

static unsigned lib_run(struct peer *p, const struct load *l, unsigned at,
			unsigned n)
{
	const struct lib *lib = p->own;
	unsigned done = 0;

	for (unsigned i = at; i < at + n; i++) {
		srtp_t s = packet[i].s;
		int len = l->len;

		done += (l->cell->protect
				 ? lib->protect(s, packet[i].data, &len)
				 : lib->unprotect(s, packet[i].data, &len)) ==
			srtp_err_status_ok;
	}
	return done;
}

void libsrtp_start(const char *path)
{
	openssl.path = path;
}

struct peer peer_libsrtp = {
	.what = "libsrtp",
	.open = lib_open,
	.stage = lib_stage,
	.run = lib_run,
	.close = lib_close,
	.own = &shipped,
};

struct peer peer_libsrtp_openssl = {
	.what = "libsrtp-openssl",
	.open = lib_open,
	.stage = lib_stage,
	.run = lib_run,
	.close = lib_close,
	.own = &openssl,
};
