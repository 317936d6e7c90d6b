// SPDX-License-Identifier: Apache-2.0
/* The signed log: what is in it, and whether it is whole. */
import { h, region } from "../dom.js";
import { count } from "../format.js";
import { table, facts } from "../table.js";
import { save } from "../save.js";

const PAGE = 200; /* shown at first, and with each press of a button */
const MOST = 10000; /* that the API says at a time */
const WAIT = 250; /* milliseconds, until somebody has typed to the end */
const SHOWN_APART = new Set(["at", "event", "seq", "v"]);

/* What else a record says, as it says it. */
function more(record) {
	return Object.entries(record).filter(([k, v]) => !SHOWN_APART.has(k) && v !== "")
		.map(([k, v]) => h("span", { class: "said" }, h("small", null, k),
			" ", typeof v === "string" ? v : JSON.stringify(v), " "));
}

const COLUMNS = [
	{ head: "Number", num: true, cell: (r) => r.seq },
	{ head: "At", cell: (r) => h("span", { class: "num" }, r.at
		.replace("T", " ").replace(/\.\d+/, "")) },
	{ head: "Event", cell: (r) => h("code", null, r.event) },
	{ head: "What", wide: true, cell: more },
];

function verdict(v) {
	return [h("p", { class: `banner ${v.whole ? "" : "wrong"}` },
		h("b", null, v.whole ? "The log is whole. " : "The log is not whole. "),
		v.text),
	facts(["Records", count(v.records)], ["The head says", count(v.head)],
		["First", v.first || "–"], ["Last", v.last || "–"])];
}

function headFacts(a) {
	return facts(["Log", h("code", { class: "key" }, a.log)],
		["Public key", h("code", { class: "key" }, a.key)],
		["Signed head", h("code", { class: "key" }, a.head.trim())]);
}

export default async function audit(page) {
	const list = region(), whole = region(), about = region();
	const more = region(), found = region();
	const search = h("input", { type: "search", id: "audit-search",
		autocomplete: "off", maxlength: 80, oninput: () => {
			clearTimeout(typing);
			typing = setTimeout(read, WAIT);
		} });
	const go = h("button", { type: "button", class: "primary",
		onclick: () => verify() }, "Verify the chain");
	let shown = [], described = null, typing, asked = 0;

	async function verify() {
		go.disabled = true;
		try {
			whole.set(verdict(await page.get("/audit/verify")));
		} catch (e) {
			whole.set(h("p", { class: "banner wrong" }, e.message));
		} finally {
			go.disabled = false;
		}
	}

	const find = (max, before) => page.get(`/audit?${new URLSearchParams(
		{ max, text: search.value.trim(), ...before })}`);

	function draw(rows, ended) {
		shown = rows;
		found.set(h("p", { class: "hint", role: "status" }, ended
			? `${count(rows.length)} ${rows.length === 1 ? "record" : "records"}`
			: `The latest ${count(rows.length)} records`));
		list.set(table({ caption: "Audit log", columns: COLUMNS, rows,
			key: (r) => r.seq, empty: "No record fits." }));
		more.set(ended ? null : h("button", { type: "button",
			onclick: () => page.act(older) }, "Show older ones"));
	}

	/* The latest, as many as are shown; whoever is overtaken by a later
	 * search says nothing. */
	async function read() {
		const mine = ++asked;
		const max = Math.min(MOST, Math.max(PAGE, shown.length));

		try {
			const [rows, head] = await Promise.all([find(max),
				page.get("/audit/head")]);

			if (mine !== asked)
				return;
			described = head;
			about.set(headFacts(head));
			draw(rows, rows.length < max);
			page.problem("");
		} catch (e) {
			if (!page.closed && mine === asked)
				page.problem(e.message);
		}
	}

	async function older() {
		const mine = ++asked;
		const rows = await find(PAGE, { before: shown.at(-1).seq });

		if (mine === asked)
			draw([...shown, ...rows], rows.length < PAGE);
	}

	page.show("Audit", go,
		h("section", { class: "card", "aria-labelledby": "chain" },
			h("h2", { id: "chain" }, "The chain"),
			h("div", { "aria-live": "polite" }, whole.el), about.el,
			h("p", { class: "hint" }, "Who could replace log, head and ",
				"key all together isn't found out here. Keep the key ",
				"and now and then a head elsewhere; ",
				h("code", null, "sallyctl audit verify"),
				" takes them."),
			h("div", { class: "buttons" }, h("button", {
				type: "button", onclick: () => save("audit-head.json",
					new Blob([JSON.stringify(described, null, 1)],
						{ type: "application/json" })),
			}, "Save key and head"))),
		h("div", { class: "inline" }, h("div", { class: "field" },
			h("label", { for: "audit-search" }, "Search"), search)),
		found.el, list.el, more.el);
	page.on(["change", "call-ended"], () => setTimeout(() => {
		if (!page.closed)
			read();
	}, 300));
	await read();
}
