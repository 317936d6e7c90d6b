// SPDX-License-Identifier: Apache-2.0
/* Counters of the gateway as rates over the last minutes, kept while the console
 * is open, so that a plot isn't empty each time its view is opened. */

const KEEP = 150; /* samples */

export class History {
	constructor(columns) {
		this.times = [];
		this.values = columns.map(() => []);
		this.before = null;
	}

	/** One sample: as many values as there are columns. */
	add(at, values) {
		if (this.times.length && at <= this.times.at(-1))
			return;
		this.times.push(at);
		values.forEach((v, i) => this.values[i].push(v));
		if (this.times.length > KEEP)
			for (const list of [this.times, ...this.values])
				list.shift();
	}

	/** Counters that only grow: what is kept is their growth a second. */
	addCounters(at, counters) {
		const b = this.before;

		this.before = { at, counters };
		if (!b || at <= b.at)
			return;
		this.add(at, counters.map((c, i) =>
			c < b.counters[i] ? null /* begun anew */
					  : (c - b.counters[i]) / (at - b.at)));
	}

	get data() {
		return [this.times, ...this.values];
	}
}
