// SPDX-License-Identifier: Apache-2.0
/* The signed log: what is in it, and whether it is whole. */
import { h, region } from "../dom.js";
import { count } from "../format.js";
import { table, facts } from "../table.js";
import { save } from "../save.js";

const MANY = 500;
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

function head(a) {
	return facts(["Log", h("code", { class: "key" }, a.log)],
		["Public key", h("code", { class: "key" }, a.key)],
		["Signed head", h("code", { class: "key" }, a.head.trim())]);
}

export default async function audit(page) {
	const list = region(), whole = region(), about = region();
	const found = region();
	const search = h("input", { type: "search", id: "audit-search",
		autocomplete: "off", oninput: () => filter() });
	const go = h("button", { type: "button", class: "primary",
		onclick: () => verify() }, "Verify the chain");
	let all = [], described = null;

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

	function filter() {
		const text = search.value.toLowerCase();
		const rows = all.filter((r) =>
			JSON.stringify(r).toLowerCase().includes(text));

		found.set(h("p", { class: "hint", role: "status" },
			`${count(rows.length)} of the latest ${count(all.length)}`));
		list.set(table({ caption: "Audit log", columns: COLUMNS, rows,
			key: (r) => r.seq, empty: "No record fits." }));
	}

	const read = async () => {
		[all, described] = await Promise.all([
			page.get(`/audit?max=${MANY}`), page.get("/audit/head")]);
		about.set(head(described));
		filter();
	};

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
		found.el, list.el);
	page.on(["change", "call-ended"], () => setTimeout(() => {
		if (!page.closed)
			read().catch(() => {});
	}, 300));
	await read();
}
