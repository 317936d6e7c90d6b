// SPDX-License-Identifier: Apache-2.0
/* The frame: log-in or views, the way between them, the stream of events. The
 * address is #/VIEW/ARGUMENTS. */
import { h, region } from "./dom.js";
import { login as again, logout, may, session, sessionFind,
	whenSessionEnds } from "./api.js";
import { Events } from "./events.js";
import { Page, say } from "./page.js";
import { shield } from "./shield.js";
import loginView from "./views/login.js";
import overview from "./views/overview.js";
import calls from "./views/calls.js";
import call from "./views/call.js";
import policies from "./views/policies.js";
import users from "./views/users.js";
import user from "./views/user.js";
import trunks from "./views/trunks.js";
import recordings from "./views/recordings.js";
import audit from "./views/audit.js";
import records from "./views/records.js";
import system from "./views/system.js";
import config from "./views/config.js";
import me from "./views/me.js";

/* name: [view, what it is called in the menu; "": not in there; the role that
 * it takes] */
const VIEWS = {
	overview: [overview, "Overview"],
	calls: [calls, "Calls"],
	call: [call, ""],
	policies: [policies, "Encryption policies"],
	users: [users, "Users"],
	user: [user, ""],
	trunks: [trunks, "Trunks and routes"],
	recordings: [recordings, "Recordings"],
	records: [records, "Call records"],
	audit: [audit, "Audit"],
	system: [system, "System"],
	config: [config, "Configuration", "administer"],
};
const OWN = { me: [me, "My calls"] };

const app = document.getElementById("app");
let page = null, events = null, frame = null;

const views = () => (session.role === "user" ? OWN : VIEWS);

function menu(current) {
	return h("ul", null, Object.entries(views())
		.filter(([, [, label, role]]) => label && (!role || may(role)))
		.map(([name, [, label]]) => h("li", null, h("a", {
			href: `#/${name}`,
			"aria-current": name === current ? "page" : null,
		}, label))));
}

function frameNew() {
	const nav = region({ class: "menu", id: "menu" });
	const state = region({ class: "stream" });
	const content = h("main", { id: "content", tabindex: "-1" });
	const toggle = h("button", { type: "button", class: "toggle quiet",
		"aria-expanded": "false", "aria-controls": "menu",
		onclick: () => open(toggle.getAttribute("aria-expanded") !==
				    "true") }, "Menu");
	const open = (on) => {
		toggle.setAttribute("aria-expanded", on);
		nav.el.classList.toggle("open", on);
	};

	app.replaceChildren(
		h("header", { class: "bar" },
			h("a", { class: "brand", href: "#/" },
				shield("locked", false), "Sallyport"),
			toggle, state.el,
			h("div", { class: "who" },
				h("span", { class: "name" }, session.name),
				h("span", { class: "tag" }, session.role),
				h("button", { type: "button", class: "quiet",
					onclick: logout }, "Log out"))),
		h("div", { class: "frame" },
			h("nav", { "aria-label": "Views" }, nav.el), content));
	return { nav, state, content, open };
}

function streamState(up) {
	frame?.state.set(up ? null : h("span", { class: "tag notice",
		role: "status" }, "Reconnecting …"));
}

/* Draw what the address says. */
async function route(focus = true) {
	if (!session) {
		showLogin();
		return;
	}
	const [wanted, ...args] = location.hash.replace(/^#\/?/, "").split("/")
		.map(decodeURIComponent);
	const known = views();
	const name = Object.hasOwn(known, wanted) ? wanted
						  : Object.keys(known)[0];
	const [view, label] = known[name];

	frame ??= frameNew();
	page?.close();
	frame.nav.set(menu(label ? name : view.under));
	frame.open(false);
	page = new Page(frame.content, args, events);
	const mine = page;

	try {
		await view(mine);
	} catch (e) {
		if (mine.closed || e.name === "AbortError")
			return;
		mine.show(label || "Not found", null,
			h("p", { class: "banner wrong" }, e.message));
	}
	if (focus && page === mine)
		frame.content.querySelector("h1")?.focus();
}

function enter() {
	if (session.role !== "user") {
		events = new Events();
		events.onState = streamState;
		events.on(["alarm-raised"], (_, a) =>
			say(a.message, a.severity === "wrong"));
	}
	route(false);
}

function showLogin() {
	page?.close();
	events?.close();
	page = events = frame = null;
	loginView(app, async (...of) => {
		await again(...of);
		enter();
	});
}

whenSessionEnds(() => {
	showLogin();
	say("The session has ended");
});
addEventListener("hashchange", () => route());
addEventListener("pagehide", () => events?.close());

try {
	await sessionFind();
	if (session)
		enter();
	else
		showLogin();
} catch (e) {
	app.replaceChildren(h("p", { class: "banner wrong" }, e.message));
}
