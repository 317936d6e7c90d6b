// SPDX-License-Identifier: Apache-2.0
/* What happens, as it happens: GET /events. The browser connects again by
 * itself, and says which event it saw last. */

export class Events {
	constructor() {
		this.source = new EventSource("/api/v1/events");
		this.onState = () => {};
		this.source.onopen = () => this.onState(true);
		this.source.onerror = () => this.onState(false);
	}

	on(kinds, f, signal) {
		for (const kind of kinds)
			this.source.addEventListener(kind, (e) => {
				f(kind, JSON.parse(e.data).data ?? {});
			}, { signal });
	}

	close() {
		this.source.close();
	}
}
