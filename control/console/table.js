// SPDX-License-Identifier: Apache-2.0
/* Tables: rows and columns on a desk, one card for each row on a phone's width.
 * The roles are written out, since laying out a row as a card takes away those
 * that its elements have by themselves. */
import { h } from "./dom.js";

/**
 * columns: {head, cell: (row) => child, num: right-aligned, wide: prose, takes
 * what width it can get, wrap: may be broken anywhere}; the first is the header
 * of its row.
 * key: (row) => what tells it from others, so that updates keep it in place.
 */
export function table({ caption, columns, rows, key, empty }) {
	if (!rows.length)
		return h("p", { class: "empty" }, empty);
	return h("div", { class: "scroll", tabindex: "0", role: "group",
		"aria-label": caption },
	h("table", { role: "table", "aria-label": caption },
		h("thead", { role: "rowgroup" }, h("tr", { role: "row" },
			columns.map((c) => h("th", { role: "columnheader",
				scope: "col", class: look(c) }, c.head)))),
		h("tbody", { role: "rowgroup" }, rows.map((r) =>
			h("tr", { role: "row", "data-key": key(r) },
				columns.map((c, i) => cell(c, r, i)))))));
}

const look = (c) => [c.num && "num", c.wide && "wide", c.wrap && "wrap"]
	.filter(Boolean).join(" ") || null;

function cell(c, row, i) {
	return h(i ? "td" : "th", {
		role: i ? "cell" : "rowheader", scope: i ? null : "row",
		class: look(c), "data-label": c.head,
	}, i ? h("div", null, c.cell(row)) : c.cell(row));
}

/** Names with what they stand for. pairs: [name, child], or null. */
export function facts(...pairs) {
	return h("dl", { class: "facts" }, pairs.filter(Boolean).map(
		([name, ...value]) => h("div", null, h("dt", null, name),
			h("dd", null, value))));
}
