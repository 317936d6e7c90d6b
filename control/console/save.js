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
