// SPDX-License-Identifier: Apache-2.0
/* The image's slots, and what is done with them; a part of the System view. */
import { h } from "../dom.js";
import { api, may } from "../api.js";
import { ask } from "../form.js";
import { date } from "../format.js";
import { button, say } from "../page.js";
import { facts, table } from "../table.js";

const STATES = {
	good: ["good", "good", "it has been well"],
	trial: ["notice", "on trial", "it hasn't shown yet that it is well"],
	bad: ["wrong", "bad", "it isn't started"],
};
const PHASES = {
	begin: "It begins", download: "It is fetched", check: "It is checked",
	write: "It is written to the other slot",
};
const KINDS = {
	install: "installation", rollback: "way back", restart: "restart",
};
const WAIT = { name: "wait", label: "Calls may go on for", type: "number", max: 86400,
	value: 600, hint: "Seconds; what is up then is hung up. New calls are " +
		"refused meanwhile, but for emergency calls" };
const RESTART = { name: "restart", label: "Start again with it", type: "switch",
	value: true };

function note(s) {
	if (s.booted)
		return s.next ? "runs, and starts next" : "runs";
	return s.next ? "starts next" : "";
}

function state(s) {
	const [look, word, why] = STATES[s.state];

	return h("span", { class: `tag ${look}`, title: why }, word);
}

const slots = (list) => table({
	caption: "Slots",
	columns: [
		{ head: "Slot", cell: (s) => s.slot },
		{ head: "Version", cell: (s) => s.version ?? "unknown" },
		{ head: "State", cell: state },
		{ head: "Tries", cell: (s) => `${s.tries} of ${s.tries_max}` },
		{ head: "Installed", cell: (s) => (s.installed
			? date(Date.parse(s.installed) / 1000) : "") },
		{ head: "Note", wide: true, cell: note },
	],
	rows: list, key: (s) => s.slot, empty: "The slots aren't known.",
});

/* In words, for screen readers as well; how far it is beside it. */
function progress(f) {
	const job = f.job;

	if (job && f.unfinished)
		return [h("p", { role: "status" }, PHASES[job.phase] ?? ""),
			h("p", null, h("progress", { max: 100, value: job.percent,
				"aria-label": "Progress" }), ` ${job.percent} %`)];
	if (f.stage === "drain")
		return [h("p", { role: "status" }, f.drain.reset
			? "Everything is erased, and the machine started again, " +
			  "when all calls have ended"
			: "The machine is started again when all calls have ended"),
		facts(["Calls now", f.drain.calls],
			["At the latest in", `${f.drain.left} s` + (f.drain.emergency
				? ", and not before the emergency call has ended"
				: "")],
			["Asked for by", f.drain.by])];
	if (f.stage === "bye" || f.stage === "restart")
		return h("p", { role: "status" },
			"The machine is being started again");
	if (job?.phase === "failed")
		return h("p", { class: "banner wrong" },
			`The last ${KINDS[job.kind]} came to nothing: ` +
			`${job.message}`);
	return null;
}

async function bundle(v) {
	if (!v.file && !v.url)
		throw new Error("Choose a file, or say where it is");
	if (!v.file)
		return v.url;
	say(`${v.file.name} is uploaded`);
	await api.put("/firmware/bundle", v.file);
	return "upload";
}

const install = (done) => ask({ title: "Install an update", submit: "Install",
	intro: "It is checked before anything is written, and written to the slot " +
		"that doesn't run.",
	fields: [
		{ name: "file", label: "File", type: "file", accept: ".raucb" },
		{ name: "url", label: "or URL", optional: true,
		  hint: "With https: the appliance fetches it" },
		RESTART, WAIT,
	],
	run: async (v) => {
		await api.post("/firmware/install", { source: await bundle(v),
			restart: v.restart, wait: v.wait });
		done("The installation has begun");
	} });

const back = (done) => ask({ title: "Go back to the other slot?",
	submit: "Go back", danger: true,
	intro: "Users and configuration stay as they are now.",
	fields: [RESTART, WAIT],
	run: async (v) => {
		await api.post("/firmware/rollback", v);
		done("The way back has begun");
	} });

const restart = (done) => ask({ title: "Start the machine again?",
	submit: "Start again", danger: true, fields: [WAIT],
	run: async (v) => {
		await api.post("/firmware/restart", v);
		done("The machine is about to be started again");
	} });

const reset = (done) => ask({ title: "Erase everything?", submit: "Erase",
	danger: true,
	intro: "Users, administrators, keys, certificates, recordings, records, " +
		"audit log and configuration. There is no way back.",
	fields: [
		{ name: "erase", label: "Type \"everything\"", required: true },
		WAIT,
	],
	run: async (v) => {
		await api.post("/firmware/reset", v);
		done("Everything is about to be erased");
	} });

/* Why there is nothing to go back to, as the service would say. */
function nothing(f) {
	const other = f.slots.find((s) => !s.booted);
	const here = f.slots.find((s) => s.booted);

	return here?.next && other?.state !== "good"
		? `Slot ${other?.slot ?? ""} isn't good: there is nothing to go back to`
		: undefined;
}

function buttons(f, page, done) {
	const need = "administer";

	if (f.stage === "drain")
		return button({ label: "Cancel the restart", need,
			run: () => page.act(async () => {
				await api.remove("/firmware/restart");
				done("There is no restart");
			}) });
	if (f.stage !== "idle")
		return null;
	return [
		button({ label: "Install an update", need,
			run: () => install(done) }),
		button({ label: "Go back", need, refused: may(need) && nothing(f),
			run: () => back(done) }),
		button({ label: "Start again", need, run: () => restart(done) }),
		button({ label: "Factory reset", need, look: "danger",
			run: () => reset(done) }),
	];
}

export function firmware(f, page, done) {
	if (!f.image)
		return h("p", { class: "empty" }, f.trouble);
	return h("div", { class: "spaced" },
		f.trouble ? h("p", { class: "banner wrong" }, f.trouble) : null,
		f.version ? facts(["Version", f.version], ["Built", date(f.built)],
			["For", f.compatible]) : null,
		slots(f.slots), progress(f),
		h("div", { class: "buttons" }, buttons(f, page, done)));
}
