/* SPDX-License-Identifier: Apache-2.0 */
/* control/alarms/impl.h - shared by the files of alarms/, by nobody else. */
#pragma once
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include "control/alarms/alarms.h"
#include "control/libre.h"

#define ALARMS_MAX	 64 /* at once; beyond, the oldest ones stay */
#define ALARM_TEXT_MAX	 240
#define CERTIFICATES_MAX 2
#define KEYS_MAX	 32

struct raised {
	enum alarm kind;
	char about[ALARM_ABOUT_MAX];
	char text[ALARM_TEXT_MAX];
	int64_t since; /* UNIX seconds */
	bool still;    /* seen at this look */
};

struct certificate_file { /* what was read of it, until it is another */
	int64_t changed, until;
};

struct warned {			/* SP_EVENT_KEY_END of a transport */
	uint64_t transport, at; /* ms; 0: free */
};

struct alarms {
	struct alarms_config cfg;
	struct tmr tmr;
	struct raised raised[ALARMS_MAX];
	unsigned n;
	struct certificate_file certificate[CERTIFICATES_MAX];
	struct warned warned[KEYS_MAX];
	uint64_t wrong;	   /* packets dropped that shouldn't be, so far */
	uint64_t wrong_at; /* ms: when that was seen to grow; 0: not yet */
	uint64_t instance; /* of the dataplane that has counted them */
};

/** It is so. alarms.c finds out what is new. */
__attribute__((format(printf, 4, 5))) void alarm_seen(struct alarms *a,
						      enum alarm kind,
						      const char *about,
						      const char *fmt, ...);

/** Look at one kind, and say alarm_seen for each. look.c */
typedef void alarm_look(struct alarms *a);
alarm_look look_dataplane, look_media, look_ports, look_trunks,
	look_certificates, look_disk, look_keys, look_drops, look_firmware;
