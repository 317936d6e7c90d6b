/* SPDX-License-Identifier: Apache-2.0 */
/* control/e2ee/peers.h - whose identity keys this endpoint remembers.
 *
 * E2EE.md, "What the endpoint shows". For each AOR up to 8 keys (several
 * devices), each verified or not; that a peer is remembered at all means that
 * a call with it once was end-to-end. The one place that decides what a key
 * means. Pure: text in, text out; store.h reads and writes the file. AORs are
 * NUL-terminated and valid (wire.h). Signalling thread. */
#pragma once
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define PEERS_MAX     4096 /* the longest unused without a verified key goes */
#define PEERS_KEYS    8	   /* for each; the longest unused goes */
#define PEERS_KEY_LEN 32

struct peers;

enum peers_trust {
	PEERS_FIRST,	/* nobody is known by that AOR: warn		     */
	PEERS_NEW,	/* others are, none of them verified: warn	     */
	PEERS_KNOWN,	/* remembered from an earlier call		     */
	PEERS_VERIFIED, /* and the user once compared the codes		     */
	PEERS_REFUSE	/* another key of that AOR is verified: end the call */
};

/** @return NULL: no memory. */
struct peers *peers_new(void);
void peers_free(struct peers *ps);

enum peers_trust peers_judge(const struct peers *ps, const char *aor,
			     const uint8_t key[PEERS_KEY_LEN]);
/** A call with aor is locked: remember its key, as the latest used. Does
 * nothing for a key that is to be refused.
 * @return false: no memory, or no room left that may be given up. */
bool peers_remember(struct peers *ps, const char *aor,
		    const uint8_t key[PEERS_KEY_LEN]);
/** The user says that the codes match (or takes it back).
 * @return false where that key isn't remembered. */
bool peers_verify(struct peers *ps, const char *aor,
		  const uint8_t key[PEERS_KEY_LEN], bool verified);
/** Whether a call with aor once was end-to-end, so that one that isn't is
 * worth a warning. */
bool peers_once(const struct peers *ps, const char *aor);
/** The user wants to forget one key, or with NULL the peer altogether.
 * @return false where there is no such. */
bool peers_forget(struct peers *ps, const char *aor, const uint8_t *key);

/** Calls f for every key, and once with key NULL for a peer without any. */
void peers_each(const struct peers *ps,
		void (*f)(void *arg, const char *aor, const uint8_t *key,
			  bool verified),
		void *arg);

/** Whether it changed since the last call of this, peers_read or _new. */
bool peers_changed(struct peers *ps);

/** The text form. @return malloc()ed, *len octets and a NUL; NULL: no memory.*/
char *peers_write(const struct peers *ps, size_t *len);
/** The other way round; strict. @return NULL with the line that is wrong in
 * *line, 0: no memory. */
struct peers *peers_read(const char *text, size_t len, unsigned *line);
