/* SPDX-License-Identifier: Apache-2.0 */
/* control/media/writer.h - the thread that waits for the disk, so that sound
 * doesn't.
 *
 * It gets octets that are sealed already, in order, for any number of files.
 * The first error of a file ends it: what comes after is dropped. */
#pragma once
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define WRITER_BEHIND (8 << 20) /* octets of one file that may wait */

struct writer;
struct writer_file;

/** @return NULL: no thread, no memory. */
struct writer *writer_new(void);
/** Writes what waits, then ends. Files must have been closed. */
void writer_free(struct writer *w);

/** Takes fd; folder, that it is in, is borrowed. @return NULL: no memory; fd is
 * closed. */
struct writer_file *writer_open(struct writer *w, int fd, int folder);
/** Takes data (malloc's). final: on the disk before the next is written.
 * @return false: too much waits, or no memory; the file has failed then. */
bool writer_put(struct writer_file *f, uint8_t *data, size_t n, bool final);
/** No more comes. writer_done tells when all is on the disk. */
void writer_close(struct writer_file *f);
/** @return whether it is closed, and may be forgotten by writer_forget. */
bool writer_done(const struct writer_file *f);
void writer_forget(struct writer_file *f);
/** errno of the first error, EOVERFLOW if the disk was too slow, 0: none. */
int writer_error(const struct writer_file *f);
/** Remove a file, when its turn comes. */
void writer_unlink(struct writer *w, const char *path);
