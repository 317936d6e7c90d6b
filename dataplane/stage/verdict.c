/* SPDX-License-Identifier: Apache-2.0 */
/* The table of verdicts, for those who print it. */
#include "dataplane/stage/verdict.h"

const struct verdict_info verdict_info[VERDICT_COUNT] = {
#define X(sym, name, sev, meaning) [V_##sym] = {name, meaning, sev},
	VERDICTS(X)
#undef X
};
