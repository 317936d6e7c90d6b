// SPDX-License-Identifier: Apache-2.0
/* Where a user's calls go beside the own phones: shown, and changed, by
 * administrators and by the user. */
import { h } from "./dom.js";
import { api } from "./api.js";
import { ask } from "./form.js";
import { facts } from "./table.js";

const HINT = "An address (sip:carol@…), a number, or voicemail; empty: nowhere";

/** f: what GET …/forward says. */
export function forwards(f) {
	const known = f.always || f.busy || f.no_answer || f.also.length;

	return known ? facts(
		f.always ? ["Always", f.always] : null,
		f.busy ? ["Where it is busy", f.busy] : null,
		f.no_answer ? ["Without an answer",
			`${f.no_answer}, after ${f.after} s`] : null,
		f.also.length ? ["Ring as well", f.also.join(", ")] : null)
		: h("p", null, "Calls ring the own devices, and nothing else.");
}

/** where: the path to PUT to. done(sentence) follows. */
export function forwardEdit(where, f, done) {
	return ask({ title: "Forwards",
		intro: "An end-to-end encrypted call is never forwarded.",
		fields: [
			{ name: "always", label: "Always to", optional: true,
			  value: f.always, hint: HINT },
			{ name: "busy", label: "Where it is busy, to",
			  optional: true, value: f.busy },
			{ name: "no_answer", label: "Without an answer, to",
			  optional: true, value: f.no_answer },
			{ name: "after", label: "After so many seconds",
			  type: "number", min: 1, max: 600, value: f.after },
			{ name: "also", label: "Ring as well", type: "list",
			  value: f.also, hint: "Addresses or numbers, with " +
				"blanks between" },
		],
		run: async (v) => {
			await api.put(where, v);
			done("The forwards are changed");
		} });
}
