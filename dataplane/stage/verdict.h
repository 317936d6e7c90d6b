/* SPDX-License-Identifier: Apache-2.0 */
/* dataplane/stage/verdict.h - why a packet went no further: one table.
 *
 * Every verdict is a counter, in packets. The table feeds the abi (and so
 * sallyctl and the metrics) and dataplane/README.md.
 * X(symbol, "name", severity, "meaning"); severity 0 expected, 1 worth a look,
 * 2 wrong. Names are stable. */
#pragma once

#define VERDICTS(X)                                                            \
	X(NONE, "none", 0, "went on")                                          \
	X(KERNEL, "kernel", 0, "not media: given to the kernel")               \
	X(CONTROL, "control", 0, "STUN or DTLS of a media port: to control")   \
	X(KERNEL_FULL, "kernel-full", 1, "companion interface's ring full")    \
	X(CONTROL_FULL, "control-full", 1, "the ring to control is full")      \
	X(NOT_FOR_US, "not-for-us", 0, "another's MAC or IP address or VLAN")  \
	X(MALFORMED, "malformed", 1, "header lengths do not add up")           \
	X(FRAGMENT, "fragment", 1, "IP fragment to a media port")              \
	X(CHECKSUM, "checksum", 1, "IP or UDP checksum wrong")                 \
	X(NO_FLOW, "no-flow", 1, "media port without a transport")             \
	X(NOT_RTP, "not-rtp", 1, "first octet is not RTP or RTCP (RFC 7983)")  \
	X(SOURCE, "source", 1, "not from where this transport's media comes")  \
	X(RATE, "rate", 1, "above the transport's packet or octet rate")       \
	X(SHORT, "srtp-short", 1, "too short for its header or tag")           \
	X(REPLAY, "replay", 1, "SRTP index seen already, or too old")          \
	X(BAD_TAG, "bad-tag", 2, "SRTP authentication failed")                 \
	X(BAD_MKI, "bad-mki", 1, "MKI names no key")                           \
	X(KEY_SPENT, "key-spent", 2, "SRTP key past its lifetime")             \
	X(INDEX_USED, "index-used", 1, "would use an SRTP index twice")        \
	X(SSRC_FULL, "ssrc-full", 1, "more SSRCs than there is room for")      \
	X(NO_STREAM, "no-stream", 1, "no stream for this payload type, SSRC")  \
	X(BLOCKED, "blocked", 0, "stream blocked: hold, or direction")         \
	X(NO_PEER, "no-peer", 0, "the other leg's address is not known yet")   \
	X(NO_NEIGHBOUR, "no-neighbour", 1, "no route, or no MAC address yet")  \
	X(TOO_BIG, "too-big", 1, "would outgrow the egress MTU once sealed")   \
	X(HANDOVER, "handover", 0, "another worker's: handed to it")           \
	X(HANDOVER_FULL, "handover-full", 2, "another worker's ring full")     \
	X(DIVERTED, "diverted", 0, "taken: given to sallyport-media")          \
	X(DIVERT_FULL, "divert-full", 1, "sallyport-media's ring full")        \
	X(DIVERT_GONE, "divert-gone", 1, "sallyport-media isn't there")        \
	X(DIVERT_STALE, "divert-stale", 1, "no such taken stream, generation") \
	X(DIVERT_BAD, "divert-bad", 2, "sallyport-media gave no RTP, RTCP")    \
	X(TX_FULL, "tx-full", 2, "the NIC queue took no more")                 \
	X(NO_BUFFER, "no-buffer", 2, "no buffer for its fragments")

enum verdict {
#define X(sym, name, sev, meaning) V_##sym,
	VERDICTS(X)
#undef X
		VERDICT_COUNT
};

struct verdict_info {
	const char *name, *meaning;
	unsigned char severity;
};

extern const struct verdict_info verdict_info[VERDICT_COUNT];
