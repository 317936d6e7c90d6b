// SPDX-License-Identifier: Apache-2.0
/* The configuration file: looked at, checked, applied, and taken back where
 * nobody confirms it. */
import { h, region } from "../dom.js";
import { api } from "../api.js";
import { ask } from "../form.js";
import { button, say } from "../page.js";
import { facts, table } from "../table.js";

const value = (v) => (v === null ? h("small", null, "(none)")
				 : h("code", null, v));

const changes = (caption, list, empty) => table({
	caption,
	columns: [
		{ head: "Option", cell: (c) => h("code", null, c.option) },
		{ head: "From", wrap: true, cell: (c) => value(c.from) },
		{ head: "To", wrap: true, cell: (c) => value(c.to) },
		{ head: "Takes effect", wide: true, cell: (c) => (c.live
			? "at once" : `by a restart of ${c.program ?? "control"}`) },
	],
	rows: list, key: (c) => c.option, empty,
});

export default async function config(page) {
	const about = region(), waiting = region(), checked = region();
	const text = h("textarea", { id: "config-text", rows: "28",
		spellcheck: "false", autocapitalize: "none", class: "file" });
	let file = null;

	/* Where the cursor is put: a line that was complained of. */
	function lineTo(line) {
		const lines = text.value.split("\n");
		const from = lines.slice(0, line - 1).join("\n").length +
			(line > 1 ? 1 : 0);

		text.focus();
		text.setSelectionRange(from, from + (lines[line - 1] ?? "").length);
		text.scrollTop = (line - 5) * text.scrollHeight / lines.length;
	}

	function wrong(e) {
		return h("li", null, h("span", { class: "tag wrong" }, e.program),
			" ", e.line ? h("button", { type: "button", class: "link",
				onclick: () => lineTo(e.line) }, `line ${e.line}`)
				    : null, " ", e.message);
	}

	async function check() {
		checked.set(h("p", { class: "hint" }, "It is being checked …"));
		try {
			const c = await api.post("/config/check",
				{ text: text.value });

			checked.set(c.good
				? h("p", { class: "banner" }, "Every program " +
					"takes it.")
				: h("ul", { class: "alarms" }, c.errors.map(wrong)),
			c.good ? changes("What it would change", c.changes,
				"It differs in nothing from what runs.") : null);
		} catch (e) {
			checked.set(h("p", { class: "banner wrong" }, e.message));
		}
	}

	function apply() {
		return ask({ title: "Apply the configuration?", submit: "Apply",
			fields: [{ name: "confirm", label: "Seconds to confirm it",
				type: "number", value: 60, hint: "If nobody confirms " +
					"it until then, all is as it was. Empty: it " +
					"stays at once." }],
			run: async (v) => {
				await api.put("/config", { text: text.value,
					hash: file.hash, ...v });
				checked.set();
				await draw(true);
				say("It is applied");
			} });
	}

	const decide = (what, run) => page.act(async () => {
		await run("/config/confirm");
		await draw(true);
	}, what);

	async function draw(anew) {
		const now = await page.get("/config");

		if (anew || !file || text.value === file.text)
			text.value = now.text;
		if (anew || !file)
			file = now;
		about.set(facts(["File", h("code", { class: "key" }, now.path)],
			["Waits for a restart of", now.restart.join(", ") ||
				"nothing"]),
		now.pending.length ? changes("What waits for a restart",
			now.pending, "") : null);
		waiting.set(now.revert_in === null ? null : h("div", {
			class: "banner" }, h("p", null,
			`It is taken back in ${now.revert_in} s unless it is ` +
			"confirmed."), h("div", { class: "buttons" },
			button({ label: "Keep it", need: "administer",
				look: "primary", run: () => decide("It stays",
					(where) => api.post(where)) }),
			button({ label: "Take it back", need: "administer",
				run: () => decide("All is as it was",
					(where) => api.remove(where)) }))));
	}

	page.show("Configuration", null, waiting.el, about.el,
		h("section", { class: "card", "aria-labelledby": "config-file" },
			h("h2", { id: "config-file" },
				h("label", { for: "config-text" }, "The file")),
			text, h("div", { class: "buttons" },
				button({ label: "Check", need: "administer",
					run: check }),
				button({ label: "Apply", need: "administer",
					look: "primary", run: apply })),
			h("div", { "aria-live": "polite" }, checked.el)));
	page.poll(5000, () => draw(false));
}
