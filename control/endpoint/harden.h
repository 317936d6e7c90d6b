/* SPDX-License-Identifier: Apache-2.0 */
/* control/endpoint/harden.h - keep the process's memory to itself.
 *
 * No core dumps, no debugger of the same user, no swap. Secrets are in locked
 * memory of their own anyway (control/e2ee/secret.h); this covers what FFmpeg,
 * OpenSSL and libsrtp hold. Once, first thing in main. */
#pragma once

/** @return NULL, or what couldn't be done, for the user to read. */
const char *harden(void);
