// SPDX-License-Identifier: Apache-2.0
/* Who are you? An administrator, by a password of their own, or a user, by that
 * of their phone. */
import { h } from "../dom.js";
import { shield } from "../shield.js";

const KINDS = [["name", "Administrator"], ["user", "User of a phone"]];

/** enter(kind, name, password) logs in, or throws. */
export default function login(place, enter) {
	const name = h("input", { id: "login-name", type: "text", required: true,
		autocomplete: "username", autocapitalize: "none",
		spellcheck: "false" });
	const password = h("input", { id: "login-password", type: "password",
		required: true, autocomplete: "current-password" });
	const wrong = h("div", { class: "wrong-said", role: "alert" });
	const go = h("button", { type: "submit", class: "primary" }, "Log in");
	const form = h("form", { class: "card", onsubmit: submit },
		h("fieldset", { class: "kinds" },
			h("legend", null, "Log in as"),
			KINDS.map(([value, label], i) => h("label", null,
				h("input", { type: "radio", name: "kind", value,
					checked: i === 0 }), label))),
		h("div", { class: "field" },
			h("label", { for: "login-name" }, "Name"), name),
		h("div", { class: "field" },
			h("label", { for: "login-password" }, "Password"),
			password),
		wrong, h("div", { class: "buttons" }, go));

	async function submit(event) {
		event.preventDefault();
		wrong.textContent = "";
		go.disabled = true;
		try {
			await enter(new FormData(form).get("kind"),
				name.value.trim(), password.value);
		} catch (e) {
			wrong.textContent = e.message;
			password.value = "";
			password.focus();
		} finally {
			go.disabled = false;
		}
	}

	document.title = "Log in · Sallyport";
	place.replaceChildren(h("main", { id: "content", class: "login",
		tabindex: "-1" },
	h("h1", null, shield("locked", false), "Sallyport"), form));
	name.focus();
}
