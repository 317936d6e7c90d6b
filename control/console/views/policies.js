// SPDX-License-Identifier: Apache-2.0
/* Who may encrypt calls end to end: policies, whom they are granted to, groups,
 * and what comes of all that for a user, or for two. */
import { h, region, unique } from "../dom.js";
import { api, path } from "../api.js";
import { explained, together } from "../effective.js";
import { ask, confirm } from "../form.js";
import { button, say } from "../page.js";
import { table } from "../table.js";

const CALLING = [
	["Disabled", "Disabled: never"],
	["DisabledUserOverride", "DisabledUserOverride: where users turn it on"],
];
const SETTINGS = (p) => [
	{ name: "calling", label: "End-to-end encryption", type: "choice",
	  options: CALLING, value: p.calling ?? "Disabled" },
	{ name: "description", label: "Description", value: p.description },
];
const MEANING = { Disabled: "never",
	DisabledUserOverride: "where users turn it on" };

function policyNew(done) {
	return ask({ title: "New policy", submit: "Make",
		fields: [{ name: "identity", label: "Identity", required: true,
			hint: "Letters, digits and . _ + -" }, ...SETTINGS({})],
		run: async (v) => {
			await api.post("/policies", v);
			done(`Policy ${v.identity} is made`);
		} });
}

function policyEdit(p, done) {
	return ask({ title: `Policy ${p.identity}`, fields: SETTINGS(p),
		run: async (v) => {
			await api.patch(path`/policies/${p.identity}`, v);
			done(`Policy ${p.identity} is changed`);
		} });
}

function policyRemove(p, done) {
	const reset = p.identity === "Global";

	return confirm({
		title: reset ? "Reset Global?" : `Remove ${p.identity}?`,
		text: reset ? "It will be Disabled again. It is everybody's who has " +
				"no other."
			    : "Where it is granted to somebody, take those grants " +
				"back first.",
		submit: reset ? "Reset" : "Remove",
		run: async () => {
			await api.remove(path`/policies/${p.identity}`);
			done(reset ? "Global is reset" : "It is removed");
		} });
}

/* How a grant is asked for, by whom it is to. */
const GRANTS = {
	user: (name) => ({ user: name }),
	group: (name, rank) => ({ group: name, ...(rank ? { rank } : {}) }),
};

function grantTo(kind, names, p, done) {
	const label = kind === "user" ? "User" : "Group";

	return ask({ title: `Grant ${p.identity} to a ${kind}`, submit: "Grant",
		intro: names.length ? null : `There is no ${kind} yet.`,
		fields: [
			{ name: "name", label, type: "choice", required: true,
			  options: names },
			...(kind === "group" ? [{ name: "rank", label: "Rank",
				type: "number", min: 1, hint: "Of a user's groups, " +
					"the one with the lowest rank decides. Empty: " +
					"behind all others." }] : []),
		],
		run: async (v) => {
			await api.post(path`/policies/${p.identity}/grants`,
				GRANTS[kind](v.name, v.rank));
			done(`${p.identity} is granted to ${v.name}`);
		} });
}

function policies(s, done) {
	const buttons = (p) => h("div", { class: "buttons" },
		button({ label: "Edit", need: "administer",
			run: () => policyEdit(p, done) }),
		button({ label: "Grant to a user", need: "administer",
			run: () => grantTo("user", s.users, p, done) }),
		button({ label: "Grant to a group", need: "administer",
			run: () => grantTo("group",
				s.groups.map((g) => g.name), p, done) }),
		button({ label: p.identity === "Global" ? "Reset" : "Remove",
			need: "administer", look: "danger",
			run: () => policyRemove(p, done) }));

	return table({
		caption: "Policies",
		columns: [
			{ head: "Policy", cell: (p) => p.identity },
			{ head: "End-to-end encryption", wide: true, cell: (p) =>
				[h("code", null, p.calling), " ",
					h("small", null, MEANING[p.calling])] },
			{ head: "Description", wide: true, cell: (p) =>
				p.description || "–" },
			{ head: "Actions", cell: buttons },
		],
		rows: s.policies, key: (p) => p.identity, empty: "None.",
	});
}

function grants(s, page, done) {
	const where = { user: (g) => path`/grants/users/${g.name}`,
		group: (g) => path`/grants/groups/${g.name}` };
	const rows = s.grants.filter((g) => where[g.to]);

	return table({
		caption: "Grants, in the order in which they decide",
		columns: [
			{ head: "To", cell: (g) => g.name },
			{ head: "Kind", cell: (g) => g.to },
			{ head: "Rank", num: true, cell: (g) => g.rank ?? "–" },
			{ head: "Policy", wide: true, cell: (g) => g.policy },
			{ head: "Actions", cell: (g) => h("div", {
				class: "buttons" }, button({ label: "Revoke",
				need: "administer", run: () => page.act(
					async () => {
						await api.remove(where[g.to](g));
						done(`${g.policy} is revoked ` +
							`for ${g.name}`);
					}) })) },
		],
		rows, key: (g) => `${g.to} ${g.name}`,
		empty: "Nothing is granted: everybody's policy is Global.",
	});
}

function members(g, s, done) {
	return ask({ title: `Members of ${g.name}`,
		fields: s.users.map((u) => ({ name: u, label: u, type: "switch",
			value: s.members[g.name].includes(u) })),
		run: async (v) => {
			for (const [user, is] of Object.entries(v)) {
				const where =
					path`/groups/${g.name}/members/${user}`;

				if (is === s.members[g.name].includes(user))
					continue;
				await (is ? api.put(where) : api.remove(where));
			}
			done(`Group ${g.name} is changed`);
		} });
}

function groups(s, done) {
	return table({
		caption: "Groups",
		columns: [
			{ head: "Group", cell: (g) => g.name },
			{ head: "Members", wide: true, cell: (g) =>
				s.members[g.name].join(", ") || "–" },
			{ head: "Actions", cell: (g) => h("div", {
				class: "buttons" },
			button({ label: "Members", need: "administer",
				run: () => members(g, s, done) }),
			button({ label: "Remove", need: "administer",
				look: "danger", run: () => confirm({
					title: `Remove the group ${g.name}?`,
					text: "Its grant goes with it; its members " +
						"stay.",
					submit: "Remove", run: async () => {
						await api.remove(
							path`/groups/${g.name}`);
						done("It is removed");
					} }) })) },
		],
		rows: s.groups, key: (g) => g.name, empty: "There is no group.",
	});
}

function groupNew(done) {
	return ask({ title: "New group", submit: "Make",
		fields: [{ name: "name", label: "Name", required: true }],
		run: async (v) => {
			await api.post("/groups", v);
			done(`Group ${v.name} is made`);
		} });
}

/* For one user, or for two of them. */
function explainer(page) {
	const first = unique("user"), second = unique("peer");
	const users = [region(), region()], answer = region();
	const picks = [h("select", { id: first, onchange: explain }),
		h("select", { id: second, onchange: explain })];

	let known = null;

	async function explain() {
		const [user, peer] = picks.map((p) => p.value);

		if (!user) {
			answer.set(h("p", { class: "empty" }, "Choose a user."));
			return;
		}
		try {
			answer.set(peer && peer !== user
				? together(await page.get(
					path`/users/${user}/policy/${peer}`))
				: explained(await page.get(
					path`/users/${user}/policy`)));
		} catch (e) {
			answer.set(h("p", { class: "banner wrong" }, e.message));
		}
	}

	return {
		el: h("div", { class: "card" }, h("div", { class: "inline" },
			h("div", { class: "field" },
				h("label", { for: first }, "User"), picks[0]),
			h("div", { class: "field" },
				h("label", { for: second }, "Calling"), picks[1])),
		h("div", { "aria-live": "polite" }, answer.el)),
		/* those to choose from are left alone while they are the same */
		set(names) {
			if (names.join() === known)
				return explain();
			known = names.join();
			picks.forEach((p, i) => {
				const was = p.value;

				p.replaceChildren(
					h("option", { value: "" }, i ? "(anybody)"
								     : "(choose)"),
					...names.map((n) => h("option", { value: n,
						selected: n === was }, n)));
			});
			return explain();
		},
	};
}

async function read(page) {
	const [list, granted, all, users] = await Promise.all([
		page.get("/policies"), page.get("/grants"), page.get("/groups"),
		page.get("/users")]);
	const lists = await Promise.all(all.map((g) =>
		page.get(path`/groups/${g.name}/members`)));

	return { policies: list, grants: granted, groups: all,
		 users: users.map((u) => u.name),
		 members: Object.fromEntries(all.map((g, i) =>
			[g.name, lists[i]])) };
}

export default async function view(page) {
	const list = region(), granted = region(), all = region();
	const effective = explainer(page);
	const draw = async () => {
		const s = await read(page);

		list.set(policies(s, done));
		granted.set(grants(s, page, done));
		all.set(groups(s, done));
		effective.set(s.users);
	};
	const done = (text) => {
		say(text);
		look();
	};

	page.show("Encryption policies", [
		button({ label: "New policy", need: "administer", look: "primary",
			run: () => policyNew(done) }),
	], list.el,
	h("section", { "aria-labelledby": "grants" },
		h("h2", { id: "grants" }, "Grants"), granted.el),
	h("section", { "aria-labelledby": "effective" },
		h("h2", { id: "effective" }, "What comes of it"), effective.el),
	h("section", { "aria-labelledby": "groups" },
		h("header", { class: "title" },
			h("h2", { id: "groups" }, "Groups"),
			h("div", { class: "buttons" },
				button({ label: "New group", need: "administer",
					run: () => groupNew(done) }))), all.el));
	const look = page.poll(30000, draw);

	page.on(["change"], look);
}
