/* SPDX-License-Identifier: Apache-2.0 */
/* control/audit/files.h - the earlier files of an audit log. One that has grown
 * to its limit is put aside as LOG.NUMBER, the number that of its last record, in
 * twelve digits or more; the next file goes on with the chain where it ended.
 * Linked by control and by sallyctl. Any thread. */
#pragma once
#include <limits.h>
#include <stdint.h>

struct audit_file {
	uint64_t last; /* number of its last record */
	char path[PATH_MAX];
};

/** The earlier files of a log, oldest first. @return how many, in *out, malloc'd;
 * -1: errno. */
int audit_files(const char *log, struct audit_file **out);
void audit_file_name(const char *log, uint64_t last, char out[PATH_MAX]);
