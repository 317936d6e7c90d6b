/* SPDX-License-Identifier: Apache-2.0 */
/* dataplane/port/reserve.h - media ports that the kernel must not give away.
 *
 * What arrives on a media port never reaches the kernel, so a program that got
 * one as its ephemeral port would wait for ever: the range is put into
 * net.ipv4.ip_local_reserved_ports (of IPv6 too) while the dataplane runs. What
 * was added is noted in a file, so that the run after one that was killed knows
 * its ports from the administrator's. Main lcore. */
#pragma once
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define RESERVE_PATH "/proc/sys/net/ipv4/ip_local_reserved_ports"

struct reserve {
	uint8_t added[65536 / 8]; /* bit for each port that was not there */
	char note[256];		  /* the file that says so */
	bool active;
};

/** Add first..last, and note it in a file. @return 0, or -1 with the reason
 * logged as a warning: calls work, but a program may get a media port. */
int reserve_ports(struct reserve *r, uint16_t first, uint16_t last,
		  const char *note);
/** Take out what reserve_ports added, and leave what others have. */
void reserve_restore(struct reserve *r);

/** The kernel's list form, "80,20000-29999", and a bit for each port; for
 * reserve.c and its test. */
bool reserve_parse(const char *text, size_t len, uint8_t bits[65536 / 8]);
/** @return octets written with the final newline; 0: it would not fit. */
size_t reserve_print(const uint8_t bits[65536 / 8], char *out, size_t size);
