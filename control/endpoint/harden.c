/* SPDX-License-Identifier: Apache-2.0 */
#include "control/endpoint/harden.h"
#include <stddef.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>

const char *harden(void)
{
	struct rlimit none = {0, 0}, all = {0, 0};

	if (setrlimit(RLIMIT_CORE, &none) || prctl(PR_SET_DUMPABLE, 0, 0, 0, 0))
		return "core dumps could not be switched off";
#ifndef __SANITIZE_ADDRESS__
	/* As much as we may; pages are locked when they are first used, so
	 * that reserved stacks cost nothing. */
	if (!getrlimit(RLIMIT_MEMLOCK, &all)) {
		all.rlim_cur = all.rlim_max;
		(void)setrlimit(RLIMIT_MEMLOCK, &all);
	}
	/* With a small limit, locking everything would make later
	 * allocations fail: then only the keys are locked. */
	if (all.rlim_cur != RLIM_INFINITY && all.rlim_cur < 1u << 29)
		return NULL;
	(void)mlockall(MCL_CURRENT | MCL_FUTURE | MCL_ONFAULT);
#else
	(void)all;
#endif
	return NULL;
}
