/* SPDX-License-Identifier: Apache-2.0 */
/* control/media/protocol.h - what sallyport-control and sallyport-media say to
 * each other. The specification of the protocol, and its limits.
 *
 * Transport. sallyport-media listens on a UNIX socket of type SOCK_SEQPACKET
 * (`media.socket` in the configuration); control connects. One message is one
 * packet and one JSON object (UTF-8, RFC 8259, no duplicate keys) of at most
 * MP_MESSAGE_MAX octets. What is longer, no object, or unknown is answered with
 * an error and changes nothing; each side takes the other for a stranger. One
 * control at a time: a new connection ends the older one. Ports, rooms and
 * recordings live on without a connection, until sallyport-media ends; who
 * connects lists what there is and makes it what it should be.
 *
 *   request   {"seq": N, "do": "port.set", ...}
 *   reply     {"seq": N, "ok": true, ...}
 *             {"seq": N, "ok": false, "error": NAME, "message": SENTENCE,
 *              "field": FIELD}                     field: where there is one
 *   event     {"event": NAME, "at": MS, ...}       never with a seq
 *
 * Requests are answered in order, each once. seq: any number from 0 to 2^53-1.
 * A request with a field that its message doesn't have is refused, so that a
 * misspelt one is noticed. A request either happens as a whole or not at all.
 *
 * Types below: ID is a string of 1 to MP_ID_MAX characters of [A-Za-z0-9._-].
 * STREAM is a string with the decimal number of a stream of the dataplane (64
 * bits: more than JSON's numbers hold). MS is milliseconds since 1970. A field
 * in [brackets] may be absent, and is then what is said behind it.
 *
 * --- hello: always the first request ---
 *
 *   {"do": "hello", "version": MP_VERSION}
 *   reply: "version": MP_VERSION, "program": "version of sallyport-media",
 *          "instance": ID          another after each start
 *          "codecs": [{"codec": "opus", "clock": 48000, "decode": true,
 *                      "encode": true}, ...]       what this build can do
 *          "limits": {"ports": N, "rooms": N, "recordings": N,
 *                     "transcodings": N}
 *          "recording": {"ready": bool, "reason": SENTENCE, "keys": [KEYID..]}
 *          "dataplane": bool       whether the rings are there
 *
 * --- ports: one for each diverted stream ---
 *
 *   {"do": "port.set", "port": STREAM, "generation": 0..2^32-1,
 *    "in":  [FORMAT, ...],         1 to MP_FORMATS_MAX: what may arrive
 *    ["out": OUT | null,]          null: nothing leaves (a copied stream)
 *    ["source": SOURCE | null,]    what leaves; null: nothing but RTCP, and that
 *                                  only where something has left before
 *    ["worker": 0..63]}            of the dataplane, that owns the stream: the
 *                                  ring to send by until the stream brings
 *                                  packets, and so says it itself (0)
 *   Makes the port, or changes it to this. The state of decoder, encoder and
 *   jitter buffer lives on where FORMATs and generation stay as they were;
 *   a port never changes the SSRC or the sequence of what it sends, unless
 *   "ssrc" says so; not even where for a while it had no out.
 *   FORMAT: {"pt": 0..127, "codec": NAME, "clock": Hz, ["channels": 1],
 *            ["fmtp": TEXT of at most MP_FMTP_MAX]}
 *     NAME as in SDP, in any case: PCMU, PCMA, G722 (clock 8000), opus (clock
 *     48000, channels 2), AMR-WB (clock 16000), telephone-event, CN; VP8, H264
 *     (recorded as received), VP9, AV1, H265 and others (accepted, and neither
 *     decoded nor recorded: the recording says so).
 *   OUT: a FORMAT that is audio with an encoder, and
 *     ["ptime": 10 | 20 | 40 | 60]           20
 *     ["telephone_event": 0..127 | null]     pt of RFC 4733; null: digits of
 *                                            the source are left out
 *     ["cn": 0..127 | null]                  pt of RFC 3389; null: silence is
 *                                            sent as sound
 *     ["ssrc": 0..2^32-1]                    one of our choice
 *     ["cname": TEXT of at most 64]          one of our choice
 *     ["reports_on": STREAM]   the port on which arrives what the far end of
 *                              this output sends: RTCP reports are about that.
 *                              Without it: this port itself (a loop), or no
 *                              reports where source is this port itself
 *   SOURCE, one of:
 *     {"port": STREAM}         what arrives on that port, or on this one itself
 *                              (transcoding a stream that goes on). The port
 *                              may be made later: silence until then
 *     {"room": ID, ["speak": true], ["hear": true]}
 *                              all of the room but itself; what arrives here is
 *                              heard there. The room must be there. speak
 *                              false: a listener; hear false: only speaks
 *     {"file": NAME, ["loop": true]}
 *                              of the music folder, without path; ends with
 *                              silence and the event file-ended if no loop
 *     {"tone": [Hz, ...], ["on": ms], ["off": ms]}
 *                              up to 4 frequencies of 20..3400; off 0: steady
 *     {"silence": true}        packets of silence (or of comfort noise)
 *     {"pass": true}           without out: each packet that was taken leaves
 *                              again as it came, at once, RTCP too; there for
 *                              "port.notice", which changes the payload of some
 *   A port with out and a source counts as a transcoding if its source is a
 *   port; beyond the limit: error "limit".
 *
 *   {"do": "port.remove", "port": STREAM}
 *   An RTCP BYE leaves if anything had. Recordings that have the port go on
 *   with silence on its track.
 *
 *   {"do": "port.digits", "port": STREAM, "digits": TEXT, ["duration": ms]}
 *   Sends digits (0-9 * # A-D, MP_DIGITS_MAX of them, 100 ms unless said) as
 *   RFC 4733 events, 40..2000 ms each; the port needs telephone_event.
 *
 *   {"do": "port.notice", "port": STREAM, ["tone": Hz], ["duration": ms]}
 *   Mixes a tone (20..3400 Hz, MP_NOTICE_HZ unless said; 40..5000 ms,
 *   MP_NOTICE_MS unless said) into what leaves: the port needs a source. The
 *   event "notice-ended" comes once all of it has left. Where packets pass, it
 *   needs some that can be decoded; there are none while the far end is silent.
 *
 * --- rooms: conference mixes ---
 *
 *   {"do": "room.set", "room": ID, ["rate": 16000 | 48000]}   16000
 *   At most MP_ROOM_PORTS ports at a time have it as their source; a further
 *   port.set is refused with "limit". The rate of a room doesn't change.
 *   {"do": "room.remove", "room": ID}       "busy" while a port is in it
 *
 * --- recordings ---
 *
 *   {"do": "record.start", "recording": ID, "call": ID,
 *    "tracks": [TRACK, ...],                 1 to MP_TRACKS_MAX
 *    ["meta": OBJECT]                        sealed with it; at most 8 KiB
 *    ["codec": "opus" | "flac"]}             the configuration's
 *   TRACK: {"port": STREAM, ["of": "in" | "out"], ["name": TEXT]} what arrives
 *          ("in", unless said), or what is sent, before it is encoded
 *        | {"room": ID, ["name": TEXT]}      the whole mix
 *   An audio port's track is audio; video is stored as received, if VP8 or H264
 *   (reply: "left_out": [{"port": STREAM, "reason": SENTENCE}]). Tracks of a
 *   file are fixed: for another party or a new m-line, start another recording
 *   of the same call.
 *   Twice the same recording with the same tracks: ok, and nothing happens.
 *   reply: "left_out" (maybe empty). Error "recording": no key, no space.
 *
 *   {"do": "record.pause", "recording": ID}     tracks stand still: nothing of
 *   {"do": "record.resume", "recording": ID}    the pause is kept, its place is
 *   {"do": "record.stop", "recording": ID,      seen in the timestamps
 *    ["reason": TEXT of at most 128]}
 *   stop: sealed to its end and closed; reply comes before that, the event
 *   "recording-closed" after.
 *
 * --- what is stored (ended recordings, and those being written) ---
 *
 *   {"do": "store.list", ["after": ID], ["recording": ID], ["max": 1..100]} 100
 *   reply: "recordings": [{"recording": ID, "call": ID, "started": MS,
 *           "size": octets, "keys": [KEYID, ...], "open": bool}, ...] by ID,
 *           "more": bool; "used": octets, "quota": octets of the whole folder
 *   recording: only that one, if it is there.
 *   {"do": "store.fetch", "recording": ID}
 *   reply: "size"; with a descriptor (SCM_RIGHTS), read-only, of the sealed
 *          file, at its start
 *   {"do": "store.delete", "recording": ID}     "busy" while it is written
 *   KEYID: 32 hexadecimal digits, BLAKE2b-128 of the public key.
 *
 * --- looking ---
 *
 *   {"do": "list", "what": "ports" | "rooms" | "recordings", ["after": ID]}
 *   reply: "items": [...] by ID, "more": bool (ask again with after = last)
 *     ports:      what port.set said (defaults filled in), and
 *                 "stats": {"received", "lost", "late", "concealed", "dropped",
 *                 "unexpected", "errors", "sent", "sent_octets": counts;
 *                 "jitter_ms", "delay_ms", "silent_ms": ms, "ssrc_in",
 *                 "ssrc_out": numbers, "fraction_lost", "round_trip_ms": what
 *                 the far end reports, or null}
 *     rooms:      {"room": ID, "rate": Hz, "ports": [STREAM, ...]}
 *     recordings: {"recording", "call", "tracks", "state": "running" |
 *                  "paused" | "closing", "octets", "seconds"}
 *   {"do": "status"}
 *   reply: "uptime": seconds, "ports", "rooms", "recordings", "transcodings":
 *          numbers now; "counters": {NAME: count, ...} since the start;
 *          "load": percent of the time that the engine's thread works
 *
 * --- events ---
 *
 *   "dataplane"           "up": bool: the rings came or went
 *   "port-silent"         "port", "ms": nothing arrived for MP_SILENT_MS
 *   "port-heard"          "port": something arrives (again)
 *   "payload-type"        "port", "pt": none of its FORMATs; once for each pt
 *   "codec-error"         "port", "codec", "message"; at most one a second and
 *                         port; the sound is concealed
 *   "digit"               "port", "digit": "5", "ms": once, at its end
 *   "file-ended"          "port", "file"
 *   "notice-ended"        "port"
 *   "stream-ended"        "port": RTCP BYE of the far end
 *   "recording-closed"    "recording", "call", "octets", "seconds", "reason":
 *                         "stopped" or what record.stop said
 *   "recording-failed"    "recording", "call", "octets", "seconds", "reason":
 *                         "disk-full" | "disk-error" | "too-slow", "message";
 *                         what was written so far is complete and readable
 *   "store-warning"       "used", "quota", "message": 90 % of the quota or of
 *                         the disk, or recordings that reach their retention
 *                         within a day
 *   "store-deleted"       "recording", "call", "reason": "quota" | "retention"
 *   "limit"               "what": "transcodings" | "ports" | ..., "max"
 *
 * Errors: "bad-message" (no object, no such request, field unknown, missing or
 * out of range), "version", "hello-first", "not-found", "busy", "exists",
 * "limit", "codec" (no decoder or encoder), "file", "recording", "internal". */
#pragma once

#define MP_VERSION     1
#define MP_MESSAGE_MAX 65536 /* octets */
#define MP_ID_MAX      64    /* characters */
#define MP_FORMATS_MAX 32    /* of a port's `in` */
#define MP_FMTP_MAX    512
#define MP_CNAME_MAX   64
#define MP_FILE_MAX    64 /* characters of a file's name */
#define MP_DIGITS_MAX  32
#define MP_NOTICE_HZ   1400
#define MP_NOTICE_MS   500
#define MP_ROOM_PORTS  16
#define MP_TRACKS_MAX  34 /* a full room, each in and out, and the mix, video */
#define MP_META_MAX    8192
#define MP_REASON_MAX  128
#define MP_NAME_MAX    64
#define MP_SILENT_MS   5000
#define MP_LIST_MAX    100
