// SPDX-License-Identifier: Apache-2.0
/* Files that the browser keeps. */
import { h } from "./dom.js";

/** data: a Blob. */
export function save(name, data) {
	const url = URL.createObjectURL(data);
	const a = h("a", { href: url, download: name, hidden: true });

	document.body.append(a);
	a.click();
	a.remove();
	setTimeout(() => URL.revokeObjectURL(url), 60000);
}

/* A spreadsheet takes a text that begins like this for a formula. */
const FORMULA = /^[=+\-@\t\r]/;

function quoted(value) {
	const text = String(value ?? "");
	const safe = typeof value === "string" && FORMULA.test(text)
		? `'${text}` : text;

	return /[",\r\n]/.test(safe) ? `"${safe.replaceAll('"', '""')}"` : safe;
}

/** RFC 4180. columns: {head, value: (row) => string or number} */
export function csv(columns, rows) {
	return [columns.map((c) => c.head),
		...rows.map((r) => columns.map((c) => c.value(r)))]
		.map((line) => `${line.map(quoted).join(",")}\r\n`).join("");
}
