// SPDX-License-Identifier: Apache-2.0
/* The shields: with a lock for a call that is end-to-end encrypted, without one
 * for one that is encrypted hop by hop on both legs, a broken outline where a leg
 * is plain, an empty one where both are. Always beside words, or with words of
 * their own: colour and shape alone tell nobody anything. */
import { svg } from "./dom.js";

const OUTLINE = "M12 2 4 5v6.2c0 5 3.3 9.2 8 10.8 4.7-1.6 8-5.8 " +
	"8-10.8V5z";
const LOCK = "M8 11h8v6H8zM9.2 11V9.2a2.8 2.8 0 0 1 5.6 0V11";

const KINDS = {
	locked: "End-to-end encrypted",
	hop: "Encrypted hop by hop",
	part: "Encrypted on one leg",
	plain: "Not encrypted",
};

/** Which of them a call or a record has. */
export function shieldKind(call) {
	if (call.e2ee)
		return "locked";
	const legs = call.media.filter((m) => m.active).flatMap((m) => m.legs);
	const safe = legs.filter((l) => l.suite_rx !== "plain" &&
					l.suite_tx !== "plain").length;

	if (!safe)
		return "plain";
	return safe === legs.length ? "hop" : "part";
}

export const shieldText = (kind) => KINDS[kind];

/** words: it stands alone, and says itself what it is. */
export function shield(kind, words = true) {
	return svg("svg", {
		viewBox: "0 0 24 24", class: `shield ${kind}`, "data-kind": kind,
		role: words ? "img" : null, "aria-label": words ? KINDS[kind] : null,
		"aria-hidden": words ? null : "true",
	}, svg("path", { class: "body", d: OUTLINE }),
	kind === "locked" ? svg("path", { class: "lock", d: LOCK }) : null);
}
