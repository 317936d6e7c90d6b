// SPDX-License-Identifier: Apache-2.0
/* What has been recorded: sealed, so that only the private key of an
 * administrator opens it, which no gateway has. */
import { h, region } from "../dom.js";
import { api, path } from "../api.js";
import { confirm } from "../form.js";
import { date, octets } from "../format.js";
import { button, say } from "../page.js";
import { save } from "../save.js";
import { table } from "../table.js";

function download(r, page) {
	return page.act(async () => {
		save(`${r.recording}.sealed`,
			await api.blob(path`/recordings/${r.recording}/sealed`));
	}, "It is on record that the file was fetched");
}

function remove(r, done) {
	return confirm({ title: "Delete the recording?", submit: "Delete",
		text: `Call ${r.call}, of ${date(r.started / 1000)}. It is gone ` +
			"for good.",
		run: async () => {
			await api.remove(path`/recordings/${r.recording}`);
			done("It is deleted");
		} });
}

const COLUMNS = (page, done) => [
	{ head: "Recording", cell: (r) => h("code", null, r.recording) },
	{ head: "Call", cell: (r) => r.call },
	{ head: "Began", cell: (r) => date(r.started / 1000) },
	{ head: "Size", num: true, cell: (r) => (r.open
		? h("span", { class: "tag notice" }, "being written")
		: octets(r.size)) },
	{ head: "Sealed to", wide: true, cell: (r) => r.keys.map((k) =>
		h("code", null, `${k} `)) },
	{ head: "Actions", cell: (r) => h("div", { class: "buttons" },
		button({ label: "Download", need: "operate",
			refused: r.open ? "It is still being written" : null,
			run: () => download(r, page) }),
		button({ label: "Delete", need: "administer", look: "danger",
			refused: r.open ? "It is still being written" : null,
			run: () => remove(r, done) })) },
];

export default async function recordings(page) {
	const list = region(), more = region(), room = region();
	let shown = [], paged = false;

	/* The first page, renewed; or one more, after which nothing is. */
	const draw = async (after) => {
		const s = await page.get("/recordings" +
			(after ? `?after=${encodeURIComponent(after)}` : ""));

		paged = Boolean(after);
		shown = after ? [...shown, ...s.recordings] : s.recordings;
		room.set(s.quota ? h("p", { class: "room" }, h("meter", { min: "0",
			max: s.quota, value: s.used, high: 0.9 * s.quota,
			"aria-label": "Room taken" }), " ", octets(s.used),
		` of ${octets(s.quota)}`) : null);
		list.set(table({ caption: "Recordings",
			columns: COLUMNS(page, done), rows: shown,
			key: (r) => r.recording,
			empty: "There is no recording." }));
		more.set(s.more ? h("button", { type: "button",
			onclick: () => page.act(() =>
				draw(shown.at(-1).recording)) }, "More") : null);
	};
	const done = (text) => {
		say(text);
		return draw();
	};

	page.show("Recordings", null,
		h("p", { class: "hint" }, "Files are sealed. ",
			h("code", null, "sallyctl recordings export"),
			" opens one, where the private key is."),
		room.el, list.el, more.el);
	const look = page.poll(10000, () => (paged ? null : draw()));

	page.on(["recording-closed", "recording-deleted", "recording-started",
		"change"], look);
}
