// SPDX-License-Identifier: Apache-2.0
/* One user: switches, what comes of policies, the devices and their media. */
import { h, jointed, region } from "../dom.js";
import { api, may, path } from "../api.js";
import { explained } from "../effective.js";
import { ask, confirm } from "../form.js";
import { forwardEdit, forwards } from "../forward.js";
import { span } from "../format.js";
import { button, say } from "../page.js";
import { facts, table } from "../table.js";
import { SECURITIES } from "./users.js";

const AUTO = ["auto", "off", "on"];
const DIALS = ["internal", "national", "international"];

/** Where a user's devices are reached. */
export function devices(list) {
	return table({
		caption: "Devices",
		columns: [
			{ head: "Address", cell: (d) => h("code", null, d.contact) },
			{ head: "Seen at", cell: (d) => d.source },
			{ head: "By", cell: (d) => d.transport },
			{ head: "Device", wide: true, cell: (d) =>
				d.user_agent || "–" },
			{ head: "For another", num: true, cell: (d) =>
				span(d.expires_in) },
		],
		rows: list, key: (d) => d.contact + d.source,
		empty: "No device is registered.",
	});
}

function profileEdit(name, p, done) {
	const auto = (key, label) => ({ name: key, label, type: "choice",
		options: AUTO, value: p[key] });

	return ask({ title: `Media of ${name}'s devices`,
		fields: [
			{ name: "security", label: "Security", type: "choice",
			  options: SECURITIES, value: p.security },
			{ name: "suites", label: "Suites", type: "list",
			  value: p.suites, hint: "Best first" },
			{ name: "codecs", label: "Codecs", type: "list",
			  value: p.codecs, hint: "Best first; empty: any" },
		],
		more: { label: "ICE, bundling and the like", fields: [
			auto("ice", "ICE"), auto("avpf", "AVPF"),
			auto("mux", "RTP and RTCP on one port"),
			auto("bundle", "BUNDLE"),
			{ name: "setup", label: "DTLS role", type: "choice",
			  options: ["auto", "active", "passive"], value: p.setup },
		] },
		run: async (v) => {
			await api.put(path`/users/${name}/profile`, v);
			done("The media profile is changed");
		} });
}

function dialEdit(name, dial, done) {
	return ask({ title: `What ${name} may dial`,
		fields: [{ name: "dial", label: "At most", type: "choice",
			options: DIALS, value: dial }],
		run: async (v) => {
			await api.put(path`/users/${name}/dial`, v);
			done("It is changed");
		} });
}

function profile(p) {
	return facts(["Security", p.security],
		["Suites", jointed(p.suites.join(", ") || "–")],
		["Codecs", p.codecs.join(", ") || "any"],
		["ICE", p.ice], ["AVPF", p.avpf], ["One port", p.mux],
		["BUNDLE", p.bundle], ["DTLS role", p.setup]);
}

/** A switch that acts at once. set(on) asks the API for it. */
export function toggle({ label, on, enabled, set }) {
	return h("button", { type: "button", role: "switch", class: "switch",
		"aria-checked": String(on), "aria-disabled": enabled ? null : "true",
		onclick: enabled ? () => set(!on) : null },
	h("span", { class: "track", "aria-hidden": "true" }),
	h("span", null, label), h("b", null, on ? "on" : "off"));
}

function switches(name, s, page, done) {
	const enabled = may("administer");
	const put = (what, text) => (on) => page.act(async () => {
		await api.put(path`/users/${name}/${what}`, { on });
		done(`${text} ${on ? "on" : "off"}`);
	});

	return h("div", { class: "switches" },
		toggle({ label: "End-to-end encryption", on: s.e2ee, enabled,
			set: put("e2ee", "End-to-end encryption is") }),
		toggle({ label: "Compliance recording", on: s.compliance, enabled,
			set: put("compliance", "Compliance recording is") }),
		enabled ? null : h("p", { class: "hint" },
			"To change them takes the role administer."));
}

export default async function user(page) {
	const [name] = page.args;
	const places = { policy: region(), devices: region(), media: region(),
		dial: region(), forward: region() };
	const done = (text) => {
		say(text);
		look();
	};
	const section = (title, place, side) => h("section", {
		class: "card", "aria-label": title },
	h("header", { class: "title" }, h("h2", null, title),
		h("div", { class: "buttons" }, side)), place.el);

	const draw = async () => {
		const [effective, list, media, dial, forward] = await Promise.all([
			page.get(path`/users/${name}/policy`),
			page.get(path`/users/${name}/devices`),
			page.get(path`/users/${name}/profile`),
			page.get(path`/users/${name}/dial`),
			page.get(path`/users/${name}/forward`)]);

		places.policy.set(switches(name, effective, page, done),
			explained(effective));
		places.devices.set(devices(list));
		places.media.set(profile(media),
			h("div", { class: "buttons" }, button({
				label: "Change the media profile",
				need: "administer",
				run: () => profileEdit(name, media, done) })));
		places.forward.set(forwards(forward),
			h("div", { class: "buttons" }, button({
				label: "Change the forwards", need: "administer",
				run: () => forwardEdit(
					path`/users/${name}/forward`, forward,
					done) })));
		places.dial.set(h("p", null, "At most ", h("b", null, dial.dial),
			" numbers."), h("div", { class: "buttons" }, button({
			label: "Change what may be dialled", need: "administer",
			run: () => dialEdit(name, dial.dial, done) })));
	};

	await page.get(path`/users/${name}/policy`); /* is there one? */
	page.show(name, button({ label: "Remove", need: "administer",
		look: "danger", run: () => confirm({ title: `Remove ${name}?`,
			text: "Grant, memberships, switches and registrations go " +
				"with it.",
			submit: "Remove", run: async () => {
				await api.remove(path`/users/${name}`);
				location.hash = "#/users";
				say(`${name} is removed`);
			} }) }),
	h("div", { class: "columns" },
		h("div", { class: "stack" },
			section("Encryption", places.policy),
			section("Forwards", places.forward)),
		h("div", { class: "stack" },
			section("Media of the devices", places.media),
			section("Outside numbers", places.dial))),
	h("section", { "aria-labelledby": "devices" },
		h("h2", { id: "devices" }, "Devices"), places.devices.el));
	const look = page.poll(5000, draw);

	page.on(["change"], look);
}
user.under = "users";
