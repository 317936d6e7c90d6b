/* SPDX-License-Identifier: Apache-2.0 */
/* control/http/csv.h - call detail records as lines of CSV (RFC 4180), for
 * spreadsheets: a text that one of them would take for a formula gets an
 * apostrophe in front. Quality is that of a call's worst stream; what isn't known
 * is empty. Pure. Any thread. */
#pragma once
#include <jansson.h>
#include <stdio.h>

void csv_head(FILE *f);
void csv_record(FILE *f, const json_t *record); /* as calls/list.c makes them */
