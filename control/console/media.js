// SPDX-License-Identifier: Apache-2.0
/* What a call's media say, in short: for lists, and for its own page. */

const active = (call) => call.media.filter((m) => m.active);
const each = (call, f) => [...new Set(active(call).flatMap(f))];

/** "opus/48000/2 → PCMA/8000": both legs where they differ. */
export function codecs(call) {
	return active(call).map((m) => {
		const [a, b] = m.legs.map((l) => l.codec);

		return a === b ? a : `${a} → ${b}`;
	}).join(", ") || "–";
}

/** The suites of leg 0 or 1. */
export function suites(call, leg) {
	return each(call, (m) => [m.legs[leg].suite_rx, m.legs[leg].suite_tx])
		.join(" / ") || "–";
}

const streams = (call) => active(call).flatMap((m) => m.streams);

/** Of the worst of its streams: {mos, jitter_ms, lost, packets}; null: unknown. */
export function quality(call) {
	const all = streams(call);
	const mos = all.map((s) => s.mos).filter((m) => m != null);

	return {
		mos: mos.length ? Math.min(...mos) : null,
		jitter_ms: all.length ? Math.max(...all.map((s) => s.jitter_ms))
				      : null,
		lost: all.reduce((n, s) => n + s.lost, 0),
		packets: all.reduce((n, s) => n + s.packets_in, 0),
	};
}

/** Of those that were to come, how many didn't, in per cent. */
export function lossOf(lost, packets) {
	return lost + packets ? 100 * lost / (lost + packets) : 0;
}

const WORDS = [[4, "good"], [3.6, "fair"], [3.1, "poor"], [0, "bad"]];

/** MOS in one word beside the number. */
export const mosWord = (mos) => WORDS.find(([least]) => mos >= least)[1];
