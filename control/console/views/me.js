// SPDX-License-Identifier: Apache-2.0
/* A user's own part: the switch, what comes of it, the devices. */
import { h, region } from "../dom.js";
import { api, session } from "../api.js";
import { explained } from "../effective.js";
import { forwardEdit, forwards } from "../forward.js";
import { say } from "../page.js";
import { devices, toggle } from "./user.js";

export default async function me(page) {
	const policy = region(), list = region(), forward = region();
	const draw = async () => {
		const [effective, mine, f] = await Promise.all([page.get("/me"),
			page.get("/me/devices"), page.get("/me/forward")]);

		policy.set(toggle({ label: "End-to-end encrypt my calls",
			on: effective.e2ee, enabled: true,
			set: (on) => page.act(async () => {
				await api.put("/me/e2ee", { on });
				look();
			}, `It is ${on ? "on" : "off"}`) }),
		explained(effective));
		list.set(devices(mine));
		forward.set(forwards(f), h("div", { class: "buttons" },
			h("button", { type: "button", onclick: () =>
				forwardEdit("/me/forward", f, (text) => {
					say(text);
					look();
				}) }, "Change the forwards")));
	};

	page.show(session.name, null,
		h("section", { class: "card", "aria-labelledby": "mine" },
			h("h2", { id: "mine" }, "Encryption"), policy.el),
		h("section", { class: "card", "aria-labelledby": "forward" },
			h("h2", { id: "forward" }, "Forwards"), forward.el),
		h("section", { "aria-labelledby": "devices" },
			h("h2", { id: "devices" }, "My devices"), list.el));
	const look = page.poll(5000, draw);
}
