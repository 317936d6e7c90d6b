/* SPDX-License-Identifier: Apache-2.0 */
/* control/trunk/number.h - telephone numbers: what was dialled, what it means,
 * how a carrier wants it. E.164; RFC 3966 (tel:), RFC 3261 section 19.1.6.
 *
 * Pure; bounded views; any thread; fuzzed by tests/fuzz/number.c. */
#pragma once
#include <stdbool.h>
#include <stddef.h>

#define NUMBER_MAX 24 /* octets, with + and NUL; E.164 has 15 digits */

/* How people dial where the gateway stands. Strings are never NULL. */
struct number_plan {
	const char *country;	   /* digits, "49"; "": only +E.164 is known */
	const char *area;	   /* of numbers without one, "30"; "": none */
	const char *international; /* what is dialled first, "00" */
	const char *national;	   /* "0"; "": area codes have nothing first */
	unsigned internal;	   /* digits of an internal number, at most */
};

enum number_kind {
	NUMBER_NONE,	      /* not a number */
	NUMBER_INCOMPLETE,    /* digits, but they lead nowhere (484) */
	NUMBER_INTERNAL,      /* text: as dialled */
	NUMBER_NATIONAL,      /* text: +E.164 in our country */
	NUMBER_INTERNATIONAL, /* text: +E.164 elsewhere */
};

struct number {
	enum number_kind kind;
	char dialled[NUMBER_MAX]; /* digits and a leading +, nothing else */
	char text[NUMBER_MAX];
	unsigned country; /* NATIONAL: octets of text that + and its code are */
};

/* How a trunk wants to be told numbers, and tells them itself. */
enum number_format {
	NUMBER_E164,	/* +493012345 */
	NUMBER_PLAIN,	/* 493012345 */
	NUMBER_DIALLED, /* 003312345, 03012345: as one dials */
	NUMBER_ABROAD,	/* 00493012345: always with the international prefix */
	NUMBER_FORMATS
};

/** "e164", "plain", "dialled", "international". */
extern const char *const number_format_names[NUMBER_FORMATS];
/** "none", "incomplete", "internal", "national", "international". */
const char *number_kind_name(enum number_kind k);

/** What the digits in view mean; the visual separators -.() and blanks may
 * stand between them, a + only in front. @return number->kind. */
enum number_kind number_read(struct number *n, const struct number_plan *p,
			     const char *text, size_t len);
/** The number that a URI dials: tel:, or the user part of sip: and sips:, which
 * may be escaped; parameters in it are understood (phone-context) or passed
 * over. Whether the URI's host is ours isn't looked at. domain: ours, which
 * phone-context may name; NULL: none.
 * @return as number_read; NUMBER_NONE for another scheme, or where the number
 * is somebody else's local one. */
enum number_kind number_of_uri(struct number *n, const struct number_plan *p,
			       const char *domain, const char *uri, size_t len);
/** What keeps digits that were read with p from being a whole number.
 * @return a sentence without its full stop, static; NULL: nothing, or it is no
 * number at all. */
const char *number_lacks(const struct number *n, const struct number_plan *p);
/** Write a number that has an E.164 form as the trunk wants it; another is
 * written as dialled. */
void number_print(char out[NUMBER_MAX], const struct number *n,
		  const struct number_plan *p, enum number_format f);
/** Read what a trunk tells, in its format. */
enum number_kind number_from_trunk(struct number *n,
				   const struct number_plan *p,
				   enum number_format f, const char *text,
				   size_t len);
/** Is text + and 3 to 15 digits? */
bool number_is_e164(const char *text);
