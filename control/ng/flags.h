/* SPDX-License-Identifier: Apache-2.0 */
/* control/ng/flags.h - what a request's dictionary says, whichever way the
 * proxy wrote it: as keys, in the list `flags`, in the dictionary `codec`, or in
 * the one string `rtpp-flags`. The table of all of it is in flags.c.
 *
 * Names are compared without regard to case, and space, '-' and '_' in them are
 * the same. Everything here is a view into the dictionary. Pure. */
#pragma once
#include <jansson.h>
#include <stdbool.h>
#include "control/libre.h"

#define FLAGS_LIST_MAX 24

struct flags_list {
	struct pl v[FLAGS_LIST_MAX];
	unsigned n; /* what is beyond is left out */
};

struct ng_flags {
	struct pl command, sdp;
	struct pl call_id, from_tag, to_tag, via_branch;
	struct pl label, set_label, from_label, to_label;
	struct pl metadata;

	struct flags_list from_tags; /* of those who are subscribed to */
	struct flags_list direction, received, codec_strip, codec_except,
		codec_offer, codec_mask, codec_transcode, codec_set, sdes, mux,
		supports;
	struct pl transport, ice, dtls, family, media_address;
	bool rtp, srtp, avp, avpf, dtls_srtp; /* halves of a transport */

	bool sip_source;   /* media come from where the request did */
	bool strict;	   /* only from where the SDP says */
	bool asymmetric;   /* never learn */
	bool handover;	   /* learn anew with each offer and answer */
	bool record;	   /* record-call */
	bool force_answer; /* an offer that is an answer */
	bool fatal;	   /* an unknown call is an error */
	bool all;	   /* both directions, all media */
	int tos;	   /* 0..255; -1: not said */
	int delete_delay;  /* seconds; -1: not said */
	int limit;	   /* of a list; -1: not said */

	/* of media commands */
	struct pl file, blob, code, db_id;
	int repeat_times, duration, volume, pause; /* -1: not said */
};

/** What to do with a name that the table hasn't. */
typedef void flags_unknown_h(struct pl name, void *arg);

/** Read a dictionary. @return NULL, or a static sentence: what has the wrong
 * type. */
const char *flags_read(struct ng_flags *f, const json_t *dict,
		       flags_unknown_h *unknown, void *arg);

/** The same text? Case, and what stands between words, don't count. */
bool flags_same(struct pl a, const char *b);
/** Has the list this word? */
bool flags_has(const struct flags_list *l, const char *word);
