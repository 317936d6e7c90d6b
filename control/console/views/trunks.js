// SPDX-License-Identifier: Apache-2.0
/* The way to the telephone network: trunks, routes, numbers, and what would
 * become of a number that somebody dials. */
import { h, region } from "../dom.js";
import { api, path } from "../api.js";
import { ask, confirm } from "../form.js";
import { date } from "../format.js";
import { button, say } from "../page.js";
import { facts, table } from "../table.js";

const LOOK = { up: "good", down: "wrong", trying: "notice", off: "" };
const KINDS = [["prefix", "prefix: lead there"],
	["emergency", "emergency: for everybody, always"],
	["block", "block: never"]];

const text = (name, label, more) => ({ name, label, ...more });
const number = (name, label, hint) => ({ name, label, type: "number", hint });
const choice = (name, label, options) =>
	({ name, label, type: "choice", options });

const BASIC = [
	text("address", "Address", { required: true,
		hint: "Address and port, such as 192.0.2.10:5060" }),
	choice("transport", "Transport", ["udp", "tcp", "tls"]),
	text("user", "Account", { hint: "Empty: no digest" }),
	{ name: "password", label: "Password", type: "password", optional: true },
	{ name: "register", label: "Register with the carrier", type: "switch" },
	{ name: "enabled", label: "In use", type: "switch" },
];
const MORE = [
	text("domain", "Domain", { hint: "Of the carrier" }),
	text("auth_user", "Digest user", { hint: "Where it isn't the account" }),
	text("sources", "Sources", { hint: "Addresses or networks that calls " +
		"come from, beside its address" }),
	text("local", "Our listener", { hint: "Address and port, where there " +
		"are several" }),
	text("caller", "Caller's number", { hint: "+ and digits, of callers " +
		"without one of their own" }),
	choice("format", "Form of numbers",
		["e164", "plain", "dialled", "international"]),
	choice("from", "Caller shown by", ["number", "account"]),
	choice("inbound", "Calls from it are known by",
		["address", "digest", "no"]),
	choice("media", "Media", ["plain", "sdes", "either"]),
	text("suites", "Suites", { hint: "With commas between, best first" }),
	text("codecs", "Codecs", { hint: "With blanks between, best first" }),
	number("expires", "Registration, seconds"),
	number("keepalive", "OPTIONS every so many seconds", "0: never"),
	number("timeout", "Seconds until another trunk is tried"),
	number("progress", "Seconds until it must ring"),
	number("calls", "Calls at most", "0: any number"),
	number("reserve", "Of these, kept for emergency calls"),
];

const DEFAULTS = { transport: "udp", enabled: true, format: "e164",
	from: "number", inbound: "address", media: "plain", expires: 3600,
	keepalive: 30, timeout: 4, progress: 20, calls: 0, reserve: 0 };

const valued = (fields, t) => fields.map((f) => ({ ...f, value: t[f.name] }));

function trunkNew(done) {
	return ask({ title: "New trunk", submit: "Add",
		fields: [text("name", "Name", { required: true,
			hint: "a-z, 0-9 and . _ -" }), ...valued(BASIC, DEFAULTS)],
		more: { label: "More", fields: valued(MORE, DEFAULTS) },
		run: async (v) => {
			await api.post("/trunks", v);
			done(`Trunk ${v.name} is added`);
		} });
}

function trunkEdit(t, done) {
	return ask({ title: `Trunk ${t.name}`, fields: valued(BASIC, t)
		.map((f) => (f.name === "password"
			? { ...f, hint: "Empty: it stays as it is" } : f)),
		more: { label: "More", fields: valued(MORE, t) },
		run: async (v) => {
			await api.patch(path`/trunks/${t.name}`, v);
			done(`Trunk ${t.name} is changed`);
		} });
}

function remove(title, words, where, done) {
	return confirm({ title, text: words, submit: "Remove", run: async () => {
		await api.remove(where);
		done("It is removed");
	} });
}

const state = (t) => [h("span", { class: `tag ${LOOK[t.state]}` }, t.state),
	t.why ? h("small", null, " ", t.why) : null];

const trunkTable = (list, done) => table({
	caption: "Trunks",
	columns: [
		{ head: "Trunk", cell: (t) => t.name },
		{ head: "State", wide: true, cell: state },
		{ head: "Since", cell: (t) => (t.since ? date(t.since) : "–") },
		{ head: "Address", cell: (t) => `${t.address} (${t.transport})` },
		{ head: "Registered", cell: (t) => (t.register
			? (t.registered ? "yes" : "not yet") : "not needed") },
		{ head: "Media", cell: (t) => t.media },
		{ head: "Calls", num: true, cell: (t) =>
			(t.calls ? `${t.calls_now} of ${t.calls}` : t.calls_now) },
		{ head: "Actions", cell: (t) => h("div", { class: "buttons" },
			button({ label: "Edit", need: "administer",
				run: () => trunkEdit(t, done) }),
			button({ label: "Remove", need: "administer",
				look: "danger", run: () => remove(
					`Remove the trunk ${t.name}?`,
					"Routes that lead to it have to go first.",
					path`/trunks/${t.name}`, done) })) },
	],
	rows: list, key: (t) => t.name,
	empty: "There is no trunk: nothing is bridged to the telephone network.",
});

function routeNew(trunks, done) {
	return ask({ title: "New route", submit: "Add",
		fields: [
			text("prefix", "Prefix", { required: true, hint: "+49, or " +
				"digits as they are dialled, such as 112" }),
			choice("kind", "Kind", KINDS),
			{ ...choice("trunk", "Trunk",
				["", ...trunks.map((t) => t.name)]),
			  optional: true, hint: "None, for a block" },
			{ ...number("priority", "Priority", "The lowest is tried " +
				"first"), value: 10, max: 1000 },
		],
		run: async (v) => {
			await api.post("/routes", v);
			done(`The route for ${v.prefix} is added`);
		} });
}

const routeTable = (list, done) => table({
	caption: "Routes",
	columns: [
		{ head: "Prefix", cell: (r) => h("code", null, r.prefix) },
		{ head: "Kind", cell: (r) => r.kind },
		{ head: "Trunk", cell: (r) => r.trunk || "–" },
		{ head: "Priority", num: true, cell: (r) => r.priority },
		{ head: "Actions", cell: (r) => h("div", { class: "buttons" },
			button({ label: "Remove", need: "administer",
				look: "danger", run: () => remove(
					`Remove the route for ${r.prefix}?`, null,
					r.trunk
					? path`/routes/${r.prefix}/${r.trunk}`
					: path`/routes/${r.prefix}`, done) })) },
	],
	rows: list, key: (r) => `${r.prefix} ${r.trunk}`,
	empty: "There is no route.",
});

function numberNew(users, groups, done) {
	const who = [...users.map((u) => [`user ${u.name}`, u.name]),
		...groups.map((g) => [`group ${g.name}`, `${g.name} (group)`])];

	return ask({ title: "New number", submit: "Add",
		fields: [text("number", "Number", { required: true,
			hint: "Of ours, such as +493012345" }),
		choice("who", "Rings", who)],
		run: async (v) => {
			const [kind, name] = v.who.split(" ");

			await api.post("/numbers", { number: v.number,
				[kind]: name });
			done(`${v.number} is added`);
		} });
}

const numberTable = (list, done) => table({
	caption: "Numbers",
	columns: [
		{ head: "Number", cell: (n) => n.number },
		{ head: "Rings", wide: true, cell: (n) =>
			n.user || `${n.group} (group)` },
		{ head: "Actions", cell: (n) => h("div", { class: "buttons" },
			button({ label: "Remove", need: "administer",
				look: "danger", run: () => remove(
					`Remove ${n.number}?`, null,
					path`/numbers/${n.number}`, done) })) },
	],
	rows: list, key: (n) => n.number, empty: "There is no number.",
});

function outcome(t) {
	const head = t.blocked ? "It is blocked"
		: t.rings_user ? `It rings ${t.rings_user}`
		: t.rings_group ? `It rings the group ${t.rings_group}`
		: t.trunks.length ? `It goes to ${t.trunks.map((x) => x.trunk)
			.join(", then ")}`
		: "No trunk is tried";

	return [
		h("p", { class: "verdict" }, h("b", null, head),
			t.allowed === false ? h("span", { class: "tag wrong" },
				t.reason) : null),
		t.why ? h("p", null, `${t.why}.`) : null,
		facts(["Understood as", t.number || t.dialled], ["Kind", t.kind],
			["Route", t.prefix || "none"],
			["Emergency", t.emergency ? "yes" : "no"],
			t.user ? [`${t.user} may dial`, t.dial] : null),
		t.trunks.map((x) => h("div", { class: "tried" },
			h("h3", null, x.trunk, " ", h("span",
				{ class: `tag ${LOOK[x.state] ?? ""}` }, x.state),
			x.full ? h("span", { class: "tag notice" }, "full") : null),
			h("pre", { tabindex: "0", role: "group", "aria-label":
				`What ${x.trunk} would be sent` },
			[`INVITE ${x.uri}`, `From: ${x.from}`, ...x.lines]
				.join("\n")))),
	];
}

function dryRun(page) {
	const answer = region();
	const dialled = h("input", { id: "dialled", type: "text",
		required: true, autocomplete: "off" });
	const user = h("input", { id: "dialler", type: "text",
		autocomplete: "off", autocapitalize: "none" });
	const run = async (event) => {
		const query = new URLSearchParams({ number: dialled.value.trim() });

		event.preventDefault();
		if (user.value)
			query.set("user", user.value.trim());
		try {
			answer.set(outcome(await page.get(`/routes/test?${query}`)));
		} catch (e) {
			answer.set(h("p", { class: "banner wrong" }, e.message));
		}
	};

	return h("section", { class: "card", "aria-labelledby": "dry-run" },
		h("h2", { id: "dry-run" }, "What would become of a number"),
		h("form", { class: "inline", onsubmit: run },
			h("div", { class: "field" },
				h("label", { for: "dialled" }, "Dialled"), dialled),
			h("div", { class: "field" },
				h("label", { for: "dialler" }, "By the user"), user),
			h("button", { type: "submit" }, "Try it")),
		h("div", { "aria-live": "polite" }, answer.el));
}

export default async function view(page) {
	const places = { trunks: region(), routes: region(), numbers: region() };
	let s = { trunks: [], users: [], groups: [] };
	const draw = async () => {
		const [trunks, routes, numbers, users, groups] = await Promise.all(
			["/trunks", "/routes", "/numbers", "/users", "/groups"]
				.map((where) => page.get(where)));

		s = { trunks, users, groups };
		places.trunks.set(trunkTable(trunks, done));
		places.routes.set(routeTable(routes, done));
		places.numbers.set(numberTable(numbers, done));
	};
	const done = (said) => {
		say(said);
		look();
	};
	const section = (id, title, place, label, run) =>
		h("section", { "aria-labelledby": id },
			h("header", { class: "title" }, h("h2", { id }, title),
				h("div", { class: "buttons" }, button({ label,
					need: "administer", run }))), place.el);

	page.show("Trunks and routes", button({ label: "New trunk",
		need: "administer", look: "primary", run: () => trunkNew(done) }),
	places.trunks.el, dryRun(page),
	section("routes", "Routes", places.routes, "New route",
		() => routeNew(s.trunks, done)),
	section("numbers", "Numbers", places.numbers, "New number",
		() => numberNew(s.users, s.groups, done)));
	const look = page.poll(5000, draw);

	page.on(["change", "trunk-up", "trunk-down"], look);
}
