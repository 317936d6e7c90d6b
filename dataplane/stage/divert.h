/* SPDX-License-Identifier: Apache-2.0 */
/* dataplane/stage/divert.h - a worker's hold of its two rings to and from
 * sallyport-media (abi/divert.h).
 *
 * Made and published by the main lcore (app/divert_socket.h), one for each
 * worker and connection; the worker's alone until a grace period after it was
 * taken back. The main lcore reads `handed` and `broken`. */
#pragma once
#include <stdbool.h>
#include <stdint.h>
#include "dataplane/abi/divert.h"

struct divert {
	struct divert_end out, back;
	uint64_t ns;	 /* that a TSC tick is, << 32 */
	uint64_t handed; /* packets put into `out` so far */
	bool broken;	 /* the other side's index is nonsense */
} __attribute__((aligned(64)));
