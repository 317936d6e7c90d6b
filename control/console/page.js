// SPDX-License-Identifier: Apache-2.0
/* What a view gets: the place that it draws into, and what has to stop when the
 * next view is opened. */
import { h, region } from "./dom.js";
import { api, may, session } from "./api.js";

const told = document.getElementById("told");

/** A sentence for a while, and for screen readers; errors stay until they have
 * been read, the rest gives way to what comes next. */
export function say(text, bad = false) {
	const note = h("p", { class: bad ? "note wrong" : "note" }, text,
		h("button", { type: "button", class: "quiet",
			"aria-label": "Dismiss", onclick: () => note.remove() },
		"×"));

	for (const old of told.querySelectorAll(".note:not(.wrong)"))
		old.remove();
	told.append(note);
	setTimeout(() => note.remove(), bad ? 15000 : 5000);
}

export class Page {
	/** place: an element; args: what the address has after the view's name;
	 * events: the stream of events.js, or null. */
	constructor(place, args, events) {
		this.place = place;
		this.args = args;
		this.events = events;
		this.stop = new AbortController();
		this.banner = region({ class: "banners", role: "alert" });
	}

	close() {
		this.stop.abort();
	}

	get closed() {
		return this.stop.signal.aborted;
	}

	/** Once: the heading, what stands beside it, and the content. */
	show(title, side, ...content) {
		if (this.closed)
			return;
		document.title = `${title} · Sallyport`;
		this.place.replaceChildren(
			h("header", { class: "title" },
				h("h1", { tabindex: "-1" }, title),
				h("div", { class: "buttons" }, side)),
			this.banner.el, ...content.flat());
	}

	/** Something isn't as it should be; "": it is again. */
	problem(text) {
		this.banner.set(text ? h("p", { class: "banner wrong" }, text)
				     : null);
	}

	get(where) {
		return api.get(where, this.stop.signal);
	}

	/** Now, and again ms after each end, until the page is closed; less often
	 * where it takes long or nobody looks. @return a function: now, please. */
	poll(ms, f) {
		let timer, under_way = false, again = false;
		const run = async () => {
			const began = performance.now();

			clearTimeout(timer);
			if (under_way) {
				again = true;
				return;
			}
			under_way = true;
			try {
				if (!document.hidden)
					await f();
				this.problem("");
			} catch (e) {
				if (this.closed || e.name === "AbortError")
					return;
				this.problem(e.message);
			} finally {
				under_way = false;
			}
			if (this.closed || !session)
				return;
			if (again) {
				again = false;
				timer = setTimeout(run, 0);
				return;
			}
			timer = setTimeout(run, Math.max(ms,
				10 * (performance.now() - began)));
		};

		this.stop.signal.addEventListener("abort",
			() => clearTimeout(timer));
		run();
		return run;
	}

	/** f, whenever such an event comes. */
	on(kinds, f) {
		this.events?.on(kinds, f, this.stop.signal);
	}

	/** Do something that changes; say what came of it. @return whether */
	async act(run, done) {
		try {
			await run();
			if (done)
				say(done);
			return true;
		} catch (e) {
			say(e.message, true);
			return false;
		}
	}
}

/**
 * A button for what takes a role. Not allowed: it isn't drawn, or, with `always`,
 * shown disabled with the reason. refused: a reason of another kind. Disabled
 * buttons can still be reached by keyboard, so that the reason is read.
 */
export function button({ label, need, refused, always, look, name, run }) {
	const why = need && !may(need)
		? `This takes the role ${need}, and yours is ${session.role}`
		: refused;

	if (why && !refused && !always)
		return null;
	return h("button", {
		type: "button", class: look, "data-action": name,
		"aria-disabled": why ? "true" : null, title: why || null,
		onclick: why ? null : run,
	}, label);
}
