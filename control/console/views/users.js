// SPDX-License-Identifier: Apache-2.0
/* Users, and how many devices each has. */
import { h, region } from "../dom.js";
import { api } from "../api.js";
import { ask } from "../form.js";
import { button, say } from "../page.js";
import { table } from "../table.js";

export const SECURITIES = [
	["auto", "auto: as the device registers"],
	["plain", "plain: RTP"],
	["sdes", "sdes: SRTP, keys in the SDP"],
	["either", "either: SRTP where it is offered"],
	["dtls", "dtls: DTLS-SRTP"],
	["passthrough", "passthrough: unchanged"],
];

function userNew(done) {
	return ask({ title: "New user", submit: "Add",
		fields: [
			{ name: "name", label: "Name", required: true,
			  hint: "a-z, 0-9 and . _ + -; it is the SIP address" },
			{ name: "password", label: "Password", type: "password",
			  required: true, hint: "Of the phone, and for the " +
				"user's own part of this console" },
			{ name: "display", label: "Display name", optional: true },
			{ name: "media", label: "Media of the devices",
			  type: "choice", options: SECURITIES, value: "auto" },
		],
		run: async (v) => {
			await api.post("/users", v);
			done(`${v.name} is added`);
		} });
}

const COLUMNS = (devices) => [
	{ head: "Name", cell: (u) => h("a", { href: `#/user/${
		encodeURIComponent(u.name)}` }, u.name) },
	{ head: "Display name", cell: (u) => u.display || "–" },
	{ head: "Media", cell: (u) => u.media },
	{ head: "Suites", wide: true, cell: (u) =>
		(u.media === "plain" ? "–" : u.suites.join(", ") || "–") },
	{ head: "Devices", num: true, cell: (u) =>
		devices.filter((d) => d.user === u.name).length || "none" },
];

export default async function users(page) {
	const list = region(), found = region();
	const search = h("input", { type: "search", id: "user-search",
		oninput: () => filter(), autocomplete: "off" });
	let all = [], devices = [];

	const filter = () => {
		const text = search.value.toLowerCase();
		const rows = all.filter((u) => u.name.includes(text) ||
			u.display.toLowerCase().includes(text));

		found.set(h("p", { class: "hint", role: "status" },
			`${rows.length} of ${all.length} users`));
		list.set(table({ caption: "Users", columns: COLUMNS(devices), rows,
			key: (u) => u.name, empty: all.length
				? "No user is called that." : "There is no user." }));
	};
	const draw = async () => {
		[all, devices] = await Promise.all([page.get("/users"),
			page.get("/registrations")]);
		filter();
	};

	page.show("Users", button({ label: "New user", need: "administer",
		look: "primary", run: () => userNew((text) => {
			say(text);
			look();
		}) }),
	h("div", { class: "inline" }, h("div", { class: "field" },
		h("label", { for: "user-search" }, "Search"), search)), found.el,
	list.el);
	const look = page.poll(10000, draw);

	page.on(["change"], look);
}
