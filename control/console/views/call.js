// SPDX-License-Identifier: Apache-2.0
/* One call: what protects it, how it sounds over time, and what may be done
 * with it. What the gate refuses is shown with its reason. */
import { h, jointed, region, unique } from "../dom.js";
import { api, may, path } from "../api.js";
import { count, date, duration, fixed, now, party } from "../format.js";
import { ask, confirm } from "../form.js";
import { History } from "../history.js";
import { lossOf, quality } from "../media.js";
import { button } from "../page.js";
import { plot } from "../plot.js";
import { facts, table } from "../table.js";
import { STATES, mos, protection } from "./calls.js";

/* What can be asked for here: the feature's name in the gate's table, how it is
 * called, and how it is done. */
const ACTIONS = [
	{ feature: "recording", label: (c) => (c.recording ? "Stop recording"
							   : "Record"), run: record },
	{ feature: "park", label: () => "Park", run: park },
	{ feature: "transfer-blind", label: () => "Transfer", run: transfer },
	{ feature: "merge", label: () => "Merge", run: merge },
	{ feature: "add-participant", label: () => "Add a participant", run: add },
];

function record(page, c) {
	const where = path`/calls/${c.id}/recording`;

	return c.recording
		? page.act(() => api.remove(where), "Recording has ended")
		: page.act(() => api.post(where), "It is being recorded");
}

const parties = (c) => [[c.from, party(c.from)], [c.to, party(c.to)]];

function park(page, c) {
	return ask({ title: "Park", submit: "Park",
		intro: "One party waits in an orbit and hears music; the other is " +
			"hung up.",
		fields: [
			{ name: "who", label: "Who waits", type: "choice",
			  options: parties(c), value: c.to },
			{ name: "orbit", label: "Orbit", optional: true,
			  hint: "Empty: one that is free" },
		],
		run: (v) => api.post(path`/calls/${c.id}/park`, v) });
}

function transfer(page, c) {
	return ask({ title: "Transfer", submit: "Transfer",
		fields: [
			{ name: "who", label: "Who is put through", type: "choice",
			  options: parties(c), value: c.from },
			{ name: "to", label: "To", required: true,
			  hint: "A user, an address or a number" },
		],
		run: (v) => api.post(path`/calls/${c.id}/transfer`, v) });
}

async function merge(page, c) {
	const others = (await page.get("/calls")).filter((o) =>
		o.id !== c.id && o.state === "up" && !o.e2ee);

	return ask({ title: "Merge", submit: "Merge",
		intro: others.length ? null : "There is no other call that could " +
			"be merged with this one.",
		fields: [{ name: "with", label: "With the call", type: "choice",
			required: true, options: others.map((o) => [String(o.id),
				`${party(o.from)} → ${party(o.to)}`]) }],
		run: (v) => api.post(path`/calls/${c.id}/merge`,
			{ with: Number(v.with) }) });
}

function add(page, c) {
	return ask({ title: "Add a participant", submit: "Ring",
		fields: [{ name: "to", label: "Whom", required: true,
			hint: "A user, an address or a number" }],
		run: (v) => api.post(path`/calls/${c.id}/add`, v) });
}

function hangup(page, c) {
	return confirm({ title: "Hang up?", submit: "Hang up",
		text: `${party(c.from)} and ${party(c.to)} are talking; both ` +
			"phones get a BYE.",
		run: () => api.remove(path`/calls/${c.id}`) });
}

/* The reason why not; undefined: the gate has none. */
function refusal(c, feature) {
	const answer = c.e2ee && feature.e2ee.status !== 200 ? feature.e2ee
							     : feature.ordinary;

	if (answer.status === 200)
		return c.state === "up" ? undefined : "The call isn't up yet";
	return answer.reason ?? `${feature.title} isn't built in this release`;
}

function action(page, c, features, a, look) {
	const feature = features.find((f) => f.name === a.feature);
	const refused = refusal(c, feature);
	const why = refused ?? (may("operate") ? null
		: "This takes the role operate");
	const id = `why-${a.feature}`;
	const b = button({ label: a.label(c), need: "operate", refused,
		always: true, name: a.feature, run: async () => {
			await a.run(page, c);
			look();
		} });

	if (why)
		b.setAttribute("aria-describedby", id);
	return h("li", { "data-key": a.feature }, b,
		why ? h("span", { class: "why", id }, why) : null);
}

/* Features without a button of their own that this call refuses. */
function refusedList(c, features) {
	const rest = features.filter((f) => c.e2ee && f.e2ee.status !== 200 &&
		!ACTIONS.some((a) => a.feature === f.name));

	return rest.length ? h("details", null,
		h("summary", null, `${rest.length} more that this call refuses`),
		h("ul", { class: "plain" }, rest.map((f) =>
			h("li", null, h("b", null, f.title), ": ",
				f.e2ee.reason)))) : null;
}

function actions(page, c, features, look) {
	return h("ul", { class: "actions" },
		h("li", { "data-key": "hangup" }, button({ label: "Hang up",
			need: "operate", always: true, look: "danger",
			name: "hangup", run: () => hangup(page, c) }),
		may("operate") ? null : h("span", { class: "why" },
			"This takes the role operate")),
		ACTIONS.map((a) => action(page, c, features, a, look)));
}

const DOORS = { sip: "SIP", ng: "a proxy (ng)" };

function about(c) {
	return facts(
		["Protection", protection(c)],
		["State", STATES[c.state]],
		["Began", date(c.started)],
		c.answered ? ["Up for", duration(now() - c.answered)] : null,
		["Came by", DOORS[c.door] ?? c.door],
		c.trunk ? ["Trunk", h("a", { href: "#/trunks" }, c.trunk)] : null,
		["Recording", c.recording ? [h("span", { class: "tag notice" },
			"being recorded"), " ", h("code", null, c.recording)] : "no"],
		c.transcoded ? ["Transcoded", "yes"] : null);
}

function legs(c) {
	const rows = c.media.flatMap((m, i) => ["Caller's", "Callee's"].map(
		(name, x) => ({ m, i, x, name, leg: m.legs[x],
			stream: m.streams.find((s) => s.from === "ab"[x]) })));

	return table({
		caption: "Legs and streams",
		columns: [
			{ head: "Leg", cell: (r) => `${r.name}, ${r.m.kind}` },
			{ head: "Codec", wrap: true, cell: (r) => (r.m.active ? r.leg.codec
				: r.m.reason ?? "not active") },
			{ head: "Suite in", wrap: true, cell: (r) =>
				jointed(r.leg.suite_rx) },
			{ head: "Suite out", wrap: true, cell: (r) =>
				jointed(r.leg.suite_tx) },
			{ head: "Packets in", num: true, cell: (r) =>
				count(r.stream.packets_in) },
			{ head: "Lost", num: true, cell: (r) =>
				count(r.stream.lost) },
			{ head: "Dropped", num: true, cell: (r) =>
				count(r.stream.dropped) },
			{ head: "Jitter", num: true, cell: (r) =>
				`${fixed(r.stream.jitter_ms)} ms` },
			{ head: "Round trip", num: true, cell: (r) =>
				(r.stream.rtt_ms ? `${fixed(r.stream.rtt_ms)} ms`
						 : "–") },
			{ head: "MOS", num: true, cell: (r) =>
				mos(r.stream.mos ?? null) },
		],
		rows, key: (r) => `${r.i}-${r.x}`,
		empty: "There are no media yet.",
	});
}

/* id -> what was seen of it, kept while the console is open */
const past = new Map();

function pastOf(id) {
	if (!past.has(id))
		past.set(id, { loss: new History(["lost"]),
			jitter: new History(["jitter"]),
			mos: new History(["mos"]), before: null });
	return past.get(id);
}

function sampled(c) {
	const p = pastOf(c.id), q = quality(c), at = now(), b = p.before;

	p.before = q;
	p.jitter.add(at, [q.jitter_ms]);
	p.mos.add(at, [q.mos]);
	if (b)
		p.loss.add(at, [lossOf(Math.max(0, q.lost - b.lost),
			Math.max(0, q.packets - b.packets))]);
	return p;
}

export default async function call(page) {
	const [id] = page.args;
	const known = region(), todo = region(), refuses = region();
	const leg = region(), over = region();
	const signal = page.stop.signal, doing = unique("actions");
	const plots = {
		loss: plot({ title: "Loss", unit: "per cent", names: ["lost"],
			signal, min: 1, format: (v) => fixed(v, 2) }),
		jitter: plot({ title: "Jitter", unit: "milliseconds",
			names: ["jitter"], signal, min: 5, format: (v) => fixed(v) }),
		mos: plot({ title: "MOS", unit: "1 to 5, estimated",
			names: ["MOS"], signal, min: 5, format: (v) => fixed(v, 2) }),
	};
	const features = await page.get("/features");
	let first = await page.get(path`/calls/${id}`);

	page.show(`${party(first.from)} → ${party(first.to)}`, null, over.el,
		h("div", { class: "columns" },
			h("div", { class: "card" }, known.el),
			h("section", { class: "card", "aria-labelledby": doing },
				h("h2", { id: doing }, "Actions"), todo.el,
				refuses.el)),
		h("section", { "aria-labelledby": "quality" },
			h("h2", { id: "quality" }, "Quality"),
			h("div", { class: "plots three" }, plots.loss.el,
				plots.jitter.el, plots.mos.el)),
		h("section", { "aria-labelledby": "legs" },
			h("h2", { id: "legs" }, "Legs"), leg.el));

	function draw(c) {
		const p = sampled(c);

		known.set(about(c));
		todo.set(actions(page, c, features, look));
		refuses.set(refusedList(c, features));
		leg.set(legs(c));
		for (const [name, drawn] of Object.entries(plots))
			drawn.set(p[name].data);
	}

	let over_ = false;
	const look = page.poll(2000, async () => {
		if (over_)
			return;
		try {
			draw(first ?? await page.get(path`/calls/${id}`));
			first = null;
		} catch (e) {
			if (e.status !== 404)
				throw e;
			ended();
		}
	});

	function ended() {
		over_ = true;
		past.delete(Number(id));
		todo.set(h("p", { class: "empty" }, "The call has ended."));
		refuses.set();
		over.set(h("p", { class: "banner", role: "status" },
			"The call has ended. ", h("a", { href: "#/records" },
				"Its record")));
	}

	page.on(["call-up", "call-ended", "recording-started",
		"recording-stopped", "recording-failed"], (_, data) => {
		if (String(data.id ?? data.call) === id)
			look();
	});
}
call.under = "calls";
