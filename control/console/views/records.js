// SPDX-License-Identifier: Apache-2.0
/* Calls that are over: searched, and taken along as CSV. */
import { h, jointed, region, unique } from "../dom.js";
import { count, date, duration, fixed, party } from "../format.js";
import { codecs, lossOf, quality, suites } from "../media.js";
import { csv, save } from "../save.js";
import { shieldKind, shieldText } from "../shield.js";
import { table } from "../table.js";
import { mos, protection } from "./calls.js";

const MANY = 2000; /* asked for */
const SHOWN = 200;
const ENDS = ["anyhow", "answered", "not answered", "end-to-end encrypted",
	"recorded"];
const FITS = {
	anyhow: () => true,
	answered: (r) => r.answered > 0,
	"not answered": (r) => !r.answered,
	"end-to-end encrypted": (r) => r.e2ee,
	recorded: (r) => r.recordings > 0,
};

const COLUMNS = [
	{ head: "Began", cell: (r) => date(r.started) },
	{ head: "From", wrap: true, cell: (r) =>
		jointed(party(r.from)) },
	{ head: "To", wrap: true, cell: (r) =>
		jointed(party(r.to)) },
	{ head: "Length", num: true, cell: (r) =>
		(r.answered ? duration(r.seconds) : "–") },
	{ head: "Protection", cell: (r) => (r.answered ? protection(r) : "–") },
	{ head: "Codecs", wrap: true, cell: (r) =>
		jointed(codecs(r)) },
	{ head: "MOS", num: true, cell: (r) => mos(quality(r).mos) },
	{ head: "Ended by", cell: (r) => r.ended_by },
	{ head: "Status", wide: true, cell: (r) => [r.status, " ",
		r.reason ? h("small", null, r.reason) : null] },
];

const iso = (s) => (s ? new Date(s * 1000).toISOString() : "");

const EXPORT = [
	{ head: "id", value: (r) => r.id },
	{ head: "from", value: (r) => r.from },
	{ head: "to", value: (r) => r.to },
	{ head: "started", value: (r) => iso(r.started) },
	{ head: "answered", value: (r) => iso(r.answered) },
	{ head: "ended", value: (r) => iso(r.ended) },
	{ head: "seconds", value: (r) => r.seconds },
	{ head: "status", value: (r) => r.status },
	{ head: "ended_by", value: (r) => r.ended_by },
	{ head: "reason", value: (r) => r.reason },
	{ head: "protection", value: (r) => shieldText(shieldKind(r)) },
	{ head: "codecs", value: codecs },
	{ head: "caller_suites", value: (r) => suites(r, 0) },
	{ head: "called_suites", value: (r) => suites(r, 1) },
	{ head: "mos", value: (r) => quality(r).mos },
	{ head: "jitter_ms", value: (r) => quality(r).jitter_ms },
	{ head: "loss_percent", value: (r) => {
		const q = quality(r);

		return fixed(lossOf(q.lost, q.packets), 3);
	} },
	{ head: "trunk", value: (r) => r.trunk },
];

export default async function records(page) {
	const list = region(), found = region();
	const ids = { text: unique("r"), from: unique("r"), to: unique("r"),
		end: unique("r") };
	const input = (key, type) => h("input", { type, id: ids[key],
		autocomplete: "off", oninput: () => draw() });
	const fields = { text: input("text", "search"), from: input("from", "date"),
		to: input("to", "date"), end: h("select", { id: ids.end,
			onchange: () => draw() }, ENDS.map((e) =>
			h("option", { value: e }, e))) };
	const field = (key, label) => h("div", { class: "field" },
		h("label", { for: ids[key] }, label), fields[key]);
	let all = [], fit = [];

	const day = (value, days) => (value
		? new Date(`${value}T00:00`).getTime() / 1000 + days * 86400 : null);

	function draw() {
		const text = fields.text.value.toLowerCase();
		const from = day(fields.from.value, 0) ?? -Infinity;
		const to = day(fields.to.value, 1) ?? Infinity;

		fit = all.filter((r) => r.started >= from && r.started < to &&
			FITS[fields.end.value](r) &&
			[r.from, r.to, r.reason, r.trunk, r.id].some((v) =>
				String(v ?? "").toLowerCase().includes(text)));
		found.set(h("p", { class: "hint", role: "status" },
			`${count(fit.length)} of ${count(all.length)} records`,
			fit.length > SHOWN ? `, the latest ${SHOWN} are shown` : "",
			all.length === MANY ? `; older ones than the latest ${
				count(MANY)} aren't searched` : ""));
		list.set(table({ caption: "Call records", columns: COLUMNS,
			rows: fit.slice(0, SHOWN), key: (r) => `${r.id} ${r.ended}`,
			empty: all.length ? "No record fits."
					  : "No call has ended yet." }));
	}

	const read = async () => {
		all = await page.get(`/records?max=${MANY}`);
		draw();
	};

	page.show("Call records", h("button", { type: "button",
		onclick: () => save("call-records.csv", new Blob([csv(EXPORT, fit)],
			{ type: "text/csv" })) }, "Export as CSV"),
	h("div", { class: "inline" }, field("text", "Search"),
		field("from", "From"), field("to", "Until"), field("end", "Which are")),
	found.el, list.el);
	page.on(["call-ended"], () => setTimeout(() => {
		if (!page.closed)
			read().catch(() => {});
	}, 300));
	await read();
}
