// SPDX-License-Identifier: Apache-2.0
/* A user's effective policy in sentences: which policy, why that one, and which
 * of the conditions for end-to-end encryption hold. */
import { h } from "./dom.js";
import { shield } from "./shield.js";

const WHY = {
	user: () => "granted to the user directly",
	group: (s) => `of the group ${s.group}, at rank ${s.rank}`,
	global: () => "everybody's who has no other",
};

function condition(holds, yes, no) {
	return h("li", { class: holds ? "holds" : "fails" },
		h("span", { class: `tag ${holds ? "good" : "wrong"}` },
			holds ? "yes" : "no"), " ", holds ? yes : no);
}

/* In the order in which the gateway asks. */
function conditions(s) {
	return h("ul", { class: "conditions" },
		condition(!s.compliance, "No compliance recording applies",
			"Compliance recording applies, so there is no end-to-end " +
			"encryption"),
		condition(s.calling === "DisabledUserOverride",
			`The policy ${s.policy} (${WHY[s.granted_by](s)}) lets ` +
				"users turn it on",
			`The policy ${s.policy} (${WHY[s.granted_by](s)}) says ` +
				"Disabled"),
		condition(s.e2ee, `${s.user} has turned it on`,
			`${s.user} hasn't turned it on`));
}

function verdict(available, yes, no) {
	return h("p", { class: "verdict" },
		shield(available ? "locked" : "plain", false),
		h("b", null, available ? yes : no));
}

/** Of GET /users/{name}/policy. */
export function explained(s) {
	return h("div", { class: "explained" },
		verdict(s.available,
			`${s.user} may encrypt calls end to end, with others who may`,
			`${s.user}'s calls aren't end-to-end encrypted`),
		conditions(s));
}

/** Of GET /users/{name}/policy/{peer}. */
export function together(pair) {
	return h("div", { class: "explained" },
		verdict(pair.available, `${pair.caller.user} and ` +
			`${pair.callee.user} may encrypt a call end to end`,
			pair.reason),
		[pair.caller, pair.callee].map((s) => [
			h("h3", null, s.user), conditions(s)]));
}
