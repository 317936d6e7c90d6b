/* SPDX-License-Identifier: Apache-2.0 */
/* control/e2ee/e2ee.h - everything that an endpoint uses of this library.
 *
 * E2EE.md. Include this one. libsodium and OpenSSL beneath; no sockets, no
 * clock (times are passed in), and only store.h touches files. Each header
 * says who owns what and which thread calls. The gateway links none of it. */
#pragma once
#include "control/e2ee/attribute.h" /* a=e2ee in SDP */
#include "control/e2ee/guard.h"	    /* one at a time; three failures */
#include "control/e2ee/handshake.h" /* M1 to M5 */
#include "control/e2ee/identity.h"  /* own identity */
#include "control/e2ee/media.h"	    /* SFrame, ratchet, replay */
#include "control/e2ee/peers.h"	    /* remembered, verified identities */
#include "control/e2ee/reason.h"    /* why it failed */
#include "control/e2ee/store.h"	    /* identity and peers on disk */
