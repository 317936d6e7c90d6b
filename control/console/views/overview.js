// SPDX-License-Identifier: Apache-2.0
/* How is the gateway? Calls, packets, drops, and what needs somebody. */
import { h, region } from "../dom.js";
import { count, fixed, now, octets, short, span } from "../format.js";
import { History } from "../history.js";
import { facts, table } from "../table.js";
import { plot } from "../plot.js";

const EVERY = 2000; /* milliseconds */

/* Kept from view to view. */
const ports = new Map(); /* name -> rates, and the losses */
let verdictsBefore = null, workersBefore = null;

function history(port) {
	if (!ports.has(port.name))
		ports.set(port.name, {
			rates: new History(["received", "sent"]),
			losses: new History(["missed", "dropped"]),
		});
	return ports.get(port.name);
}

function sampled(at, list) {
	for (const p of list) {
		const of = history(p);

		of.rates.addCounters(at, [p.rx_packets, p.tx_packets]);
		of.losses.addCounters(at, [p.rx_missed, p.tx_dropped]);
	}
}

function tile(label, value, more) {
	return h("div", { class: "tile" }, h("dt", null, label),
		h("dd", null, value, more ? h("small", null, more) : null));
}

function tiles(stats, calls) {
	const up = calls.filter((c) => c.state === "up");
	const locked = up.filter((c) => c.e2ee).length;

	return h("dl", { class: "tiles" },
		tile("Calls now", count(stats.calls),
			`${count(stats.calls - up.length)} ringing`),
		tile("End-to-end encrypted", count(locked),
			`of ${count(up.length)} that are up`),
		tile("Transports", count(stats.transports),
			`of ${count(stats.transports_max)}`),
		tile("Packets received", short(stats.ports.rx_packets),
			octets(stats.ports.rx_octets)),
		tile("Dataplane up for", span(now() - stats.dataplane_started),
			`${stats.workers} worker${stats.workers === 1 ? ""
								      : "s"}`));
}

/* Where more is to be seen of an alarm; "": nowhere. */
const MORE = { "port-down": "system", "trunk-down": "trunks",
	"certificate-ending": "system", "disk-low": "recordings",
	"key-ending": "calls" };

const SEVERITIES = { wrong: "Wrong", notice: "Notice", expected: "Expected" };

const severity = (s) =>
	h("span", { class: `tag ${s}` }, SEVERITIES[s]);

function alarmList(list) {
	if (!list.length)
		return h("p", { class: "empty good" }, "Nothing needs attention.");
	return h("ul", { class: "alarms" }, list.map((a) =>
		h("li", { "data-key": `${a.name} ${a.about}` },
			severity(a.severity), " ", MORE[a.name]
				? h("a", { href: `#/${MORE[a.name]}` }, a.message)
				: a.message,
			h("small", null, ` for ${span(now() - a.since)}`))));
}

/* Verdicts with how much they have grown since the last look. */
function growth(verdicts) {
	const before = verdictsBefore;

	verdictsBefore = new Map(verdicts.map((v) => [v.name, v.count]));
	return verdicts.map((v) => ({ ...v,
		more: before ? Math.max(0, v.count - (before.get(v.name) ?? 0))
			     : 0 }));
}

function drops(verdicts) {
	return table({
		caption: "Packets that were dropped, by verdict",
		columns: [
			{ head: "Verdict", cell: (v) => h("code", null, v.name) },
			{ head: "Count", num: true, cell: (v) => count(v.count) },
			{ head: "A second", num: true, cell: (v) =>
				short(v.more / (EVERY / 1000)) },
			{ head: "Severity", cell: (v) => severity(v.severity) },
			{ head: "Meaning", wide: true, cell: (v) => v.meaning },
		],
		rows: verdicts.filter((v) => v.count)
			.sort((a, b) => b.count - a.count),
		key: (v) => v.name, empty: "Nothing has been dropped.",
	});
}

/* Of each core, how many of its turns found packets. */
function cores(stats) {
	const list = stats.worker_load;
	const before = workersBefore;

	workersBefore = list;
	if (!list?.length || before?.length !== list.length)
		return null;
	return h("section", { "aria-labelledby": "cores" },
		h("h2", { id: "cores" }, "Cores"),
		h("ul", { class: "meters" }, list.map((w, i) => {
			const turns = w.turns - before[i].turns;
			const idle = w.idle_turns - before[i].idle_turns;
			const busy = turns > 0 ? 100 * (turns - idle) / turns : 0;
			const label = `Core ${w.lcore}`;

			return h("li", { "data-key": label }, label,
				h("meter", { min: "0", max: "100", value: busy,
					high: "90", "aria-label":
						`${label}, turns with packets` }),
				`${fixed(busy)} % of turns with packets`);
		})));
}

function portFacts(p) {
	return facts(["Role", p.role], ["Driver", p.driver],
		["Link", h("span", { class: `tag ${p.link_up ? "good" : "wrong"}` },
			p.link_up ? "up" : "down")],
		["Missed", count(p.rx_missed)], ["Dropped", count(p.tx_dropped)]);
}

export default async function overview(page) {
	const head = region(), alarm = region(), dropped = region();
	const core = region(), noPort = region();
	const plots = h("div", { class: "plots" });
	const drawn = new Map(); /* port -> {rates, losses, facts} */

	page.show("Overview", null, head.el,
		h("section", { "aria-labelledby": "alarms" },
			h("h2", { id: "alarms" }, "Alarms"),
			h("div", { "aria-live": "polite" }, alarm.el)),
		h("section", { "aria-labelledby": "ports" },
			h("h2", { id: "ports" }, "Ports"), noPort.el, plots),
		core.el,
		h("section", { "aria-labelledby": "drops" },
			h("h2", { id: "drops" }, "Drops by verdict"), dropped.el));

	function portNew(p) {
		const of = {
			rates: plot({ title: "Packets", unit: "a second",
				names: ["received", "sent"], min: 10,
				signal: page.stop.signal }),
			losses: plot({ title: "Lost at the port",
				unit: "packets a second",
				names: ["missed", "dropped"], min: 10,
				signal: page.stop.signal }),
			facts: region(),
		};

		plots.append(h("article", { class: "card port" },
			h("h3", null, p.name), of.facts.el,
			h("div", { class: "pair" }, of.rates.el, of.losses.el)));
		drawn.set(p.name, of);
		return of;
	}

	const look = page.poll(EVERY, async () => {
		alarm.set(alarmList(await page.get("/alarms")));
		const [stats, list, calls] = await Promise.all([
			page.get("/stats"), page.get("/ports"),
			page.get("/calls")]).catch((e) => {
			/* no number that isn't true any more */
			for (const r of [head, core])
				r.set();
			for (const r of [noPort, dropped])
				r.set(h("p", { class: "empty" },
					"Not known at the moment."));
			plots.hidden = true;
			throw e;
		});
		const verdicts = growth(stats.verdicts);

		sampled(now(), list);
		plots.hidden = false;
		noPort.set(list.length ? null : h("p", { class: "empty" },
			"The dataplane has no port."));
		head.set(tiles(stats, calls));
		dropped.set(drops(verdicts));
		core.set(cores(stats));
		for (const p of list) {
			const of = drawn.get(p.name) ?? portNew(p);
			const past = history(p);

			of.facts.set(portFacts(p));
			of.rates.set(past.rates.data);
			of.losses.set(past.losses.data);
		}
	});

	page.on(["alarm-raised", "alarm-cleared"], look);
}
