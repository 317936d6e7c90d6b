/* SPDX-License-Identifier: Apache-2.0 */
/* control/sip/tls.h - the certificates of SIP over TLS. RFC 3261 section 26.3,
 * RFC 5922; TLS 1.2 and later (RFC 8446, RFC 7525's suites).
 *
 * A server context for those who connect to us, and a context of its own for
 * each connection that we make, since what its certificate has to name differs.
 * libre's TLS runs on them. Control's thread. */
#pragma once
#include "control/config.h"
#include "control/libre.h"

struct tls;
struct tls_identity; /* our certificate, and whom we trust */

/** Reads the certificate and key that the configuration names; where it names
 * none, those beside the database, which are made at the first start: an ECDSA
 * key, and a certificate signed by itself for the domain and every address
 * that is listened on. err gets a sentence. */
int tls_identity_alloc(struct tls_identity **ip, const struct config_sip *cfg,
		       const char *domain, const char *folder, char *err,
		       size_t errlen);
/** The identity's: not to be dereferenced. */
struct tls *tls_server(struct tls_identity *id);
/** For one connection, to be dereferenced.
 * @param name  the host name or numeric address that its certificate must bear
 */
int tls_client(struct tls **tlsp, struct tls_identity *id, const char *name);
