// SPDX-License-Identifier: Apache-2.0
/* Calls that are over: searched by the gateway, and taken along as CSV. */
import { api } from "../api.js";
import { h, jointed, region, unique } from "../dom.js";
import { count, date, duration, party } from "../format.js";
import { codecs, quality } from "../media.js";
import { save } from "../save.js";
import { table } from "../table.js";
import { mos, protection } from "./calls.js";

const PAGE = 200; /* shown at first, and with each press of a button */
const MOST = 10000; /* that the API says at a time */
const WAIT = 250; /* milliseconds, until somebody has typed to the end */
const KINDS = [["any", "All calls"], ["answered", "Answered"],
	["unanswered", "Not answered"], ["e2ee", "End-to-end encrypted"],
	["recorded", "Recorded"]];

const COLUMNS = [
	{ head: "Began", cell: (r) => date(r.started) },
	{ head: "From", wrap: true, cell: (r) =>
		jointed(party(r.from)) },
	{ head: "To", wrap: true, cell: (r) =>
		jointed(party(r.to)) },
	{ head: "Duration", num: true, cell: (r) =>
		(r.answered ? duration(r.seconds) : "–") },
	{ head: "Protection", cell: (r) => (r.answered ? protection(r) : "–") },
	{ head: "Codecs", wrap: true, cell: codecs },
	{ head: "MOS", num: true, cell: (r) => mos(quality(r).mos) },
	{ head: "Ended by", cell: (r) => r.ended_by },
	{ head: "Status", wide: true, cell: (r) => [r.status, " ",
		r.reason ? h("small", null, r.reason) : null] },
];

/* Midnight at the beginning of a day of this place, days later; null: none. */
function day(value, days) {
	const at = value ? new Date(`${value}T00:00`) : null;

	at?.setDate(at.getDate() + days);
	return at ? Math.max(0, at.getTime() / 1000) : null;
}

export default async function records(page) {
	const list = region(), found = region(), more = region();
	const ids = { text: unique("r"), from: unique("r"), to: unique("r"),
		kind: unique("r") };
	const input = (key, type, maxlength) => h("input", { type, maxlength,
		id: ids[key], autocomplete: "off", oninput: () => {
			clearTimeout(typing);
			typing = setTimeout(read, WAIT);
		} });
	const fields = { text: input("text", "search", 80),
		from: input("from", "date"), to: input("to", "date"),
		kind: h("select", { id: ids.kind, onchange: () => read() },
			KINDS.map(([value, label]) => h("option", { value },
				label))) };
	const field = (key, label) => h("div", { class: "field" },
		h("label", { for: ids[key] }, label), fields[key]);
	let typing, asked = 0, shown = [], ended = false;

	/* What is searched for, in the API's terms. */
	function query() {
		const q = { text: fields.text.value.trim(),
			from: day(fields.from.value, 0),
			until: day(fields.to.value, 1), kind: fields.kind.value };

		return String(new URLSearchParams(Object.entries(q).filter(
			([, v]) => v !== null && v !== "" && v !== "any")));
	}

	function draw() {
		list.set(table({ caption: "Call records", columns: COLUMNS,
			rows: shown, key: (r) => r.seq,
			empty: query() ? "No record fits."
				       : "No call has ended yet." }));
		more.set(ended ? null : h("button", { type: "button",
			onclick: () => page.act(older) }, "Show older ones"));
	}

	function say({ found: fit, kept }) {
		found.set(h("p", { class: "hint", role: "status" },
			`${count(fit)} of ${count(kept)} records`,
			fit > shown.length ? `, the latest ${
				count(shown.length)} are shown` : ""));
	}

	/* The latest, as many as are shown; whoever is overtaken by a later
	 * search says nothing. */
	async function read() {
		const mine = ++asked, fit = query();
		const max = Math.min(MOST, Math.max(PAGE, shown.length));

		try {
			const rows = await page.get(`/records?max=${max}&${fit}`);

			if (mine !== asked)
				return;
			shown = rows;
			ended = rows.length < max;
			draw();
			const n = await page.get(`/records/count?${fit}`);

			if (mine === asked)
				say(n);
			page.problem("");
		} catch (e) {
			if (!page.closed && mine === asked)
				page.problem(e.message);
		}
	}

	async function older() {
		const mine = ++asked, fit = query();
		const rows = await page.get(`/records?max=${PAGE}&before=${
			shown.at(-1).seq}&${fit}`);

		if (mine !== asked)
			return;
		shown = [...shown, ...rows];
		ended = rows.length < PAGE;
		draw();
		say(await page.get(`/records/count?${fit}`));
	}

	page.show("Call records", h("button", { type: "button",
		onclick: () => page.act(async () => save("call-records.csv",
			await api.blob(`/records.csv?${query()}`))) },
	"Export as CSV"),
	h("div", { class: "inline" }, field("text", "Search"),
		field("from", "From"), field("to", "Until"), field("kind", "Show")),
	found.el, list.el, more.el);
	page.on(["call-ended"], () => setTimeout(() => {
		if (!page.closed)
			read();
	}, 300));
	await read();
}
