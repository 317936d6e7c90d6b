/* SPDX-License-Identifier: Apache-2.0 */
/* control/certificate.h - the X.509 certificate of a TLS listener: read,
 * checked, or made by ourselves. RFC 5280, 6125.
 *
 * PEM texts are the caller's; one that holds a key is wiped by who frees it.
 * Pure but for files and randomness; any thread. */
#pragma once
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define CERTIFICATE_PEM_MAX 65536 /* octets of a PEM file */

struct certificate_info {
	char subject[256];
	char names[512];      /* subjectAltName: DNS and IP, with commas */
	char fingerprint[96]; /* SHA-256, "AB:CD:..." as RFC 8122 has it */
	int64_t since, until; /* UNIX seconds */
	bool self_signed;
};

/** A P-256 key and a certificate of its own for ten years, for the names (host
 * names and addresses). Writes both files at once, the key with mode 0600.
 * err gets a sentence. @return 0 or errno. */
int certificate_make(const char *cert_path, const char *key_path,
		     const char *const names[], unsigned n, char *err,
		     size_t errlen);
/** Do these two belong together, and may a server use them? info may be NULL.
 * @return 0; else -1, with a sentence in err. */
int certificate_check(const char *cert, const char *key,
		      struct certificate_info *info, char *err, size_t errlen);
/** When the first certificate of a PEM text ends, UNIX seconds; 0: there is
 * none. */
int64_t certificate_until(const char *cert);
/** A whole file as a C string (malloc'd). @return NULL with errno. */
char *certificate_file(const char *path);
/** Replace a file's content at once: what is there is either the old or the
 * new. @return 0 or errno. */
int certificate_write(const char *path, const char *text, unsigned mode);
