// SPDX-License-Identifier: Apache-2.0
/* Dialogs: forms, described by a list of fields, and questions. What the API
 * refuses is said in the dialog, which stays open with what was typed. */
import { h, unique } from "./dom.js";

/* How each type of field is made, and read. */
const TYPES = {
	text: {
		make: (f, more) => h("input", { type: f.secret ? "password" : "text",
			autocomplete: f.autocomplete ?? "off", spellcheck: "false",
			autocapitalize: "none", value: f.value ?? "", ...more }),
		read: (el) => el.value.trim(),
	},
	password: {
		make: (f, more) => h("input", { type: "password",
			autocomplete: f.autocomplete ?? "new-password", ...more }),
		read: (el) => el.value,
	},
	number: {
		make: (f, more) => h("input", { type: "number", min: f.min ?? 0,
			max: f.max, value: f.value ?? "", ...more }),
		read: (el) => (el.value === "" ? undefined : Number(el.value)),
	},
	area: {
		make: (f, more) => h("textarea", { rows: "6", spellcheck: "false",
			...more }, f.value ?? ""),
		read: (el) => el.value,
	},
	switch: {
		make: (f, more) => h("input", { type: "checkbox",
			checked: Boolean(f.value), ...more }),
		read: (el) => el.checked,
	},
	choice: {
		make: (f, more) => h("select", more, f.options.map((o) => {
			const [value, label] = Array.isArray(o) ? o : [o, o];

			return h("option", { value,
				selected: value === f.value }, label);
		})),
		read: (el) => el.value,
	},
	file: {
		make: (f, more) => h("input", { type: "file", accept: f.accept,
			...more }),
		read: (el) => el.files[0],
	},
	/* names with blanks or commas between */
	list: {
		make: (f, more) => h("input", { type: "text", spellcheck: "false",
			autocomplete: "off", value: (f.value ?? []).join(" "),
			...more }),
		read: (el) => el.value.split(/[\s,]+/).filter(Boolean),
	},
};

function fieldNew(f) {
	const id = unique("field"), hint = f.hint && `${id}-hint`;
	const type = TYPES[f.type ?? "text"];
	const input = type.make(f, { id, name: f.name, required: f.required,
		"aria-describedby": hint || null });
	const label = h("label", { for: id }, f.label);
	const el = h("div", { class: f.type === "switch" ? "field switch"
							 : "field" },
	...(f.type === "switch" ? [input, label] : [label, input]),
	hint && h("p", { class: "hint", id: hint }, f.hint));

	return { el, name: f.name, optional: f.optional,
		 read: () => type.read(input) };
}

/* Left out: what is optional and empty. */
function valuesOf(fields) {
	const body = {};

	for (const f of fields) {
		const v = f.read();

		if (v !== undefined && !(f.optional && (v === "" ||
							v.length === 0)))
			body[f.name] = v;
	}
	return body;
}

function show(title, content, buttons, onsubmit) {
	const heading = unique("dialog");
	const dialog = h("dialog", { "aria-labelledby": heading },
		h("form", { method: "dialog", onsubmit },
			h("h2", { id: heading }, title), content,
			h("div", { class: "buttons" }, buttons)));

	/* the browser holds the focus in it, and gives it back */
	dialog.addEventListener("close", () => dialog.remove());
	document.body.append(dialog);
	dialog.showModal();
	return dialog;
}

/**
 * Ask for values. run gets them as an object and does what is asked for; where
 * it throws, its message is shown. @return what run returned; undefined: the
 * dialog was closed without.
 * more: {label, fields}: fields that are folded away at first.
 */
export function ask({ title, intro, fields, more, submit = "Save", danger, run }) {
	const main = fields.map(fieldNew);
	const rest = (more?.fields ?? []).map(fieldNew);
	const wrong = h("div", { class: "wrong-said", role: "alert" });
	const go = h("button", { type: "submit",
		class: danger ? "danger" : "primary" }, submit);

	return new Promise((resolve) => {
		let result;
		const dialog = show(title, [
			intro && h("p", null, intro),
			main.map((f) => f.el),
			rest.length ? h("details", null,
				h("summary", null, more.label),
				rest.map((f) => f.el)) : null,
			wrong,
		], [
			h("button", { type: "button",
				onclick: () => dialog.close() }, "Cancel"),
			go,
		], async (event) => {
			event.preventDefault();
			wrong.textContent = "";
			go.disabled = true;
			try {
				result = await run(valuesOf([...main, ...rest]));
				dialog.close();
			} catch (e) {
				wrong.textContent = e.message;
			} finally {
				go.disabled = false;
			}
		});

		dialog.addEventListener("close", () => resolve(result));
	});
}

/** Something that can't be taken back: run, after one more question. */
export function confirm({ title, text, submit, run }) {
	return ask({ title, intro: text, fields: [], submit, danger: true, run });
}

/** Something to look at, and to close: a secret that is seen once. */
export function tell(title, ...content) {
	return new Promise((resolve) => {
		const dialog = show(title, content, [
			h("button", { type: "submit", class: "primary" }, "Close"),
		]);

		dialog.addEventListener("close", () => resolve());
	});
}
