// SPDX-License-Identifier: Apache-2.0
/* The calls in progress: who, how protected, how good. */
import { h, jointed, region } from "../dom.js";
import { duration, fixed, now, party } from "../format.js";
import { codecs, lossOf, mosWord, quality, suites } from "../media.js";
import { shield, shieldKind, shieldText } from "../shield.js";
import { table } from "../table.js";

export const STATES = { new: "New", ringing: "Ringing", up: "Up",
	ended: "Ended" };

/** The shield with its words. */
export function protection(call) {
	const kind = shieldKind(call);

	return h("span", { class: "protection" }, shield(kind, false),
		shieldText(kind));
}

export const mos = (value) => (value === null ? "–"
	: h("span", { class: `mos ${mosWord(value)}` }, fixed(value, 2), " ",
		h("small", null, mosWord(value))));

const COLUMNS = [
	{ head: "Call", wrap: true, cell: (c) => h("a", { href: `#/call/${c.id}` },
		`${party(c.from)} → ${party(c.to)}`) },
	{ head: "Protection", cell: protection },
	{ head: "State", cell: (c) => [STATES[c.state], " ",
		c.recording ? h("span", { class: "tag notice" }, "being recorded")
			    : null] },
	{ head: "Duration", num: true, cell: (c) =>
		duration(now() - (c.answered || c.started)) },
	{ head: "Codecs", wrap: true, cell: codecs },
	{ head: "Caller's leg", wrap: true, cell: (c) =>
		jointed(suites(c, 0)) },
	{ head: "Callee's leg", wrap: true, cell: (c) =>
		jointed(suites(c, 1)) },
	{ head: "MOS", num: true, cell: (c) => mos(quality(c).mos) },
	{ head: "Jitter", num: true, cell: (c) => {
		const q = quality(c);

		return q.jitter_ms === null ? "–" : `${fixed(q.jitter_ms)} ms`;
	} },
	{ head: "Loss", num: true, cell: (c) => {
		const q = quality(c);

		return `${fixed(lossOf(q.lost, q.packets), 2)} %`;
	} },
];

function parked(list) {
	return list.length ? h("section", { "aria-labelledby": "parked" },
		h("h2", { id: "parked" }, "Parked"), table({
			caption: "Who waits in an orbit",
			columns: [
				{ head: "Orbit", cell: (p) => p.orbit },
				{ head: "Who waits", cell: (p) =>
					party(p.parked) },
				{ head: "Parked by", cell: (p) => party(p.by) },
				{ head: "Call", cell: (p) => h("a", {
					href: `#/call/${p.call}` }, p.call) },
			],
			rows: list, key: (p) => p.orbit, empty: "",
		})) : null;
}

function conferences(list) {
	return list.length ? h("section", { "aria-labelledby": "conferences" },
		h("h2", { id: "conferences" }, "Conferences"), table({
			caption: "Conferences, and who is in them",
			columns: [
				{ head: "Conference", cell: (c) => c.conference },
				{ head: "Parties", wide: true, cell: (c) =>
					c.parties.map((p) => party(p.aor))
						.join(", ") },
			],
			rows: list, key: (c) => c.conference, empty: "",
		})) : null;
}

export default async function calls(page) {
	const list = region(), rest = region();

	page.show("Calls", null, list.el, rest.el);
	const look = page.poll(2000, async () => {
		const [all, orbits, rooms] = await Promise.all([
			page.get("/calls"), page.get("/parked"),
			page.get("/conferences")]);

		list.set(table({ caption: "Calls in progress", columns: COLUMNS,
			rows: all, key: (c) => c.id,
			empty: "No call is in progress." }));
		rest.set(parked(orbits), conferences(rooms));
	});

	page.on(["call-new", "call-ringing", "call-up", "call-ended"], look);
}
