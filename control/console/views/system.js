// SPDX-License-Identifier: Apache-2.0
/* The appliance: versions, ports, who may administer it, who is kept out. */
import { h, region } from "../dom.js";
import { api, may, path, session } from "../api.js";
import { ask, confirm, tell } from "../form.js";
import { count, date, now, octets, span } from "../format.js";
import { button, say } from "../page.js";
import { facts, table } from "../table.js";
import { firmware } from "./firmware.js";

const ROLES = [["read", "read: sees everything"],
	["operate", "operate: also ends calls, records, bans"],
	["administer", "administer: everything"]];

const actions = (...list) => h("div", { class: "buttons" }, list);

function versions(v) {
	return facts(["Sallyport", v.version], ["API", v.api], ["abi", v.abi],
		["Dataplane", h("span", { class: `tag ${v.dataplane_connected
			? "good" : "wrong"}` }, v.dataplane_connected
			? "connected" : "away")],
		v.dataplane_started
			? ["Up for", span(now() - v.dataplane_started)] : null);
}

const machine = (s) => [facts(["Name", s.host],
	["Board", s.board ? `${s.board.name} (${s.board.id}), ${s.board.status}`
			  : "nobody has looked: this isn't the appliance's image"],
	["Made by", s.vendor ?? "unknown"], ["Product", s.product ?? "unknown"]),
s.board?.problems.length ? h("ul", { class: "alarms" },
	s.board.problems.map((text) => h("li", null,
		h("span", { class: "tag wrong" }, "Wrong"), " ", text))) : null];

const ports = (list) => table({
	caption: "Ports",
	columns: [
		{ head: "Port", cell: (p) => p.name },
		{ head: "Role", cell: (p) => p.role },
		{ head: "Driver", cell: (p) => p.driver },
		{ head: "MAC address", cell: (p) => h("code", null, p.mac) },
		{ head: "Link", cell: (p) => h("span", { class: `tag ${p.link_up
			? "good" : "wrong"}` }, p.link_up ? "up" : "down") },
		{ head: "Queues", num: true, cell: (p) => p.queues },
		{ head: "MTU", num: true, cell: (p) => p.mtu },
		{ head: "Received", num: true, cell: (p) => octets(p.rx_octets) },
		{ head: "Sent", num: true, cell: (p) => octets(p.tx_octets) },
		{ head: "Missed", num: true, cell: (p) => count(p.rx_missed) },
		{ head: "Dropped", num: true, cell: (p) => count(p.tx_dropped) },
	],
	rows: list, key: (p) => p.name, empty: "The dataplane has no port.",
});

function certificateEdit(done) {
	return ask({ title: "Replace the certificate", submit: "Replace",
		intro: "This page is served with it: the browser may ask again.",
		fields: [
			{ name: "certificate", label: "Certificate", type: "area",
			  required: true, hint: "PEM, with those between it and " +
				"the root" },
			{ name: "key", label: "Key", type: "area", required: true,
			  hint: "PEM" },
		],
		run: async (v) => {
			await api.put("/certificate", v);
			done("The certificate is replaced");
		} });
}

const certificate = (c, done) => [facts(["Of", c.subject],
	["Names", c.names], ["Since", date(c.since)], ["Until", date(c.until)],
	["Signed", c.self_signed ? "by itself" : "by another"],
	["Fingerprint", h("code", { class: "key" }, c.fingerprint)]),
actions(button({ label: "Replace it", need: "administer",
	run: () => certificateEdit(done) }))];

function banNew(done) {
	return ask({ title: "Ban a source", submit: "Ban",
		fields: [
			{ name: "source", label: "Address", required: true },
			{ name: "seconds", label: "Seconds", type: "number",
			  hint: "Empty: as long as usual" },
			{ name: "reason", label: "Reason", optional: true },
		],
		run: async (v) => {
			await api.post("/bans", v);
			done(`${v.source} is banned`);
		} });
}

const bans = (b, page, done) => [table({
	caption: "Sources that SIP doesn't listen to",
	columns: [
		{ head: "Source", cell: (x) => x.source },
		{ head: "For another", num: true, cell: (x) => span(x.seconds) },
		{ head: "Reason", wide: true, cell: (x) => x.reason },
		{ head: "Actions", cell: (x) => actions(button({
			label: "Lift the ban", need: "operate",
			run: () => page.act(async () => {
				await api.remove(path`/bans/${x.source}`);
				done(`${x.source} is no longer banned`);
			}) })) },
	],
	rows: b.bans, key: (x) => x.source, empty: "Nobody is banned.",
}), h("details", null, h("summary", null, "What the guard has counted"),
	facts(...Object.entries(b.counters).map(([k, n]) =>
		[k.replaceAll("_", " "), count(n)])))];

function adminNew(done) {
	return ask({ title: "New administrator", submit: "Add",
		fields: [
			{ name: "name", label: "Name", required: true },
			{ name: "role", label: "Role", type: "choice",
			  options: ROLES, value: "read" },
			{ name: "password", label: "Password", type: "password",
			  required: true, hint: "12 octets at least" },
		],
		run: async (v) => {
			await api.post("/admins", v);
			done(`${v.name} is added`);
		} });
}

function adminEdit(a, done) {
	return ask({ title: `Administrator ${a.name}`,
		fields: [
			{ name: "role", label: "Role", type: "choice",
			  options: ROLES, value: a.role },
			{ name: "password", label: "New password", type: "password",
			  optional: true, hint: "Empty: it stays as it is" },
		],
		run: async (v) => {
			await api.patch(path`/admins/${a.name}`, v);
			done(`${a.name} is changed`);
		} });
}

const admins = (list, done) => table({
	caption: "Administrators",
	columns: [
		{ head: "Name", cell: (a) => a.name },
		{ head: "Role", wide: true, cell: (a) => a.role },
		{ head: "Actions", cell: (a) => actions(
			button({ label: "Edit", need: "administer",
				run: () => adminEdit(a, done) }),
			button({ label: "Remove", need: "administer",
				look: "danger", run: () => confirm({
					title: `Remove ${a.name}?`,
					text: "Their sessions end at once.",
					submit: "Remove", run: async () => {
						await api.remove(
							path`/admins/${a.name}`);
						done(`${a.name} is removed`);
					} }) })) },
	],
	rows: list, key: (a) => a.name, empty: "None.",
});

function tokenNew(done) {
	return ask({ title: "New token", submit: "Make",
		fields: [
			{ name: "name", label: "Name", required: true },
			{ name: "role", label: "Role", type: "choice",
			  options: ROLES, value: "read" },
			{ name: "days", label: "Days", type: "number", min: 1,
			  hint: "Empty: until it is revoked" },
		],
		run: async (v) => {
			const made = await api.post("/tokens", v);

			done(`Token ${v.name} is made`);
			return made;
		} }).then((made) => made && tell("The token",
		h("p", null, "It is seen only now:"),
		h("p", null, h("code", { class: "secret" }, made.token))));
}

const tokens = (list, page, done) => table({
	caption: "Tokens of programs",
	columns: [
		{ head: "Name", cell: (t) => t.name },
		{ head: "Role", cell: (t) => t.role },
		{ head: "Made", cell: (t) => date(t.created) },
		{ head: "Until", wide: true, cell: (t) => (t.expires
			? date(t.expires) : "it is revoked") },
		{ head: "Actions", cell: (t) => actions(button({
			label: "Revoke", need: "administer", look: "danger",
			run: () => confirm({ title: `Revoke the token ${t.name}?`,
				text: "The program that has it is locked out.",
				submit: "Revoke", run: async () => {
					await api.remove(path`/tokens/${t.name}`);
					done(`${t.name} is revoked`);
				} }) })) },
	],
	rows: list, key: (t) => t.name, empty: "There is no token.",
});

const features = (list) => h("details", null, h("summary", null,
	`${list.length} features, and which calls may use them`), table({
	caption: "Features, and what an end-to-end encrypted call answers",
	columns: [
		{ head: "Feature", cell: (f) => f.title },
		{ head: "Asked for by", wide: true, cell: (f) => f.asked },
		{ head: "Ordinary calls", cell: (f) => (f.built ? "yes"
			: "not in this release") },
		{ head: "End-to-end encrypted calls", wide: true, cell: (f) =>
			f.e2ee.reason ?? (f.e2ee.status === 200 ? "yes" : "no") },
	],
	rows: list, key: (f) => f.name, empty: "None.",
}));

function ownPassword(done) {
	return ask({ title: "Change my password",
		fields: [
			{ name: "old", label: "Password now", type: "password",
			  autocomplete: "current-password", required: true },
			{ name: "new", label: "New password", type: "password",
			  required: true, hint: "12 octets at least" },
		],
		run: async (v) => {
			await api.put("/session/password", v);
			done("The password is changed");
		} });
}

/* title, where from, how it is drawn, the button beside it; role: it takes one
 * to be seen. */
const PARTS = [
	{ title: "Versions", from: "/version", draw: versions },
	{ title: "Machine", from: "/system", draw: machine },
	{ title: "Firmware", from: "/firmware", draw: firmware },
	{ title: "Ports", from: "/ports", draw: ports },
	{ title: "Certificate of the console and the API", from: "/certificate",
	  draw: (c, page, done) => certificate(c, done) },
	{ title: "Banned sources", from: "/bans", draw: bans, label: "Ban a source",
	  need: "operate", run: banNew },
	{ title: "Administrators", from: "/admins", role: "administer",
	  draw: (list, page, done) => admins(list, done),
	  label: "New administrator", need: "administer", run: adminNew },
	{ title: "Tokens", from: "/tokens", role: "administer", draw: tokens,
	  label: "New token", need: "administer", run: tokenNew },
	{ title: "Features", from: "/features", draw: features },
];

export default async function system(page) {
	const parts = PARTS.filter((p) => !p.role || may(p.role)).map((p) =>
		({ ...p, place: region() }));
	const done = (text) => {
		say(text);
		look();
	};
	const draw = () => Promise.all(parts.map(async (p) => {
		try {
			p.place.set(p.draw(await page.get(p.from), page, done));
		} catch (e) {
			if (e.name !== "AbortError")
				p.place.set(h("p", { class: "empty" }, e.message));
		}
	}));

	page.show("System", h("button", { type: "button",
		onclick: () => ownPassword(done) },
	`Change the password of ${session.name}`),
	parts.map((p) => h("section", { "aria-label": p.title },
		h("header", { class: "title" }, h("h2", null, p.title),
			h("div", { class: "buttons" }, p.run ? button({
				label: p.label, need: p.need,
				run: () => p.run(done) }) : null)),
		p.place.el)));
	const look = page.poll(5000, draw);

	page.on(["change", "firmware"], look);
}
