// SPDX-License-Identifier: Apache-2.0
/* Numbers and times for people. */

const whole = new Intl.NumberFormat("en");
const clocks = new Intl.DateTimeFormat("en-GB", { timeStyle: "medium" });
const both = new Intl.DateTimeFormat("en-GB", {
	year: "numeric", month: "2-digit", day: "2-digit", hour: "2-digit",
	minute: "2-digit", second: "2-digit",
});

export const count = (n) => whole.format(n);
export const fixed = (n, digits = 1) => Number(n).toFixed(digits);

/** 1234567 -> "1.23 M" */
export function short(n) {
	for (const [limit, unit] of [[1e9, "G"], [1e6, "M"], [1e4, "k"]])
		if (n >= limit)
			return `${(n / (unit === "k" ? 1e3 : limit))
				.toPrecision(3)} ${unit}`;
	return Number.isInteger(n) ? count(n) : fixed(n);
}

export function octets(n) {
	for (const unit of ["B", "KiB", "MiB", "GiB"]) {
		if (n < 1024)
			return unit === "B" ? `${n} B` : `${fixed(n)} ${unit}`;
		n /= 1024;
	}
	return `${fixed(n)} TiB`;
}

/** Seconds as 1:02:03 */
export function duration(s) {
	const two = (n) => String(n).padStart(2, "0");
	const hours = Math.floor(s / 3600), minutes = Math.floor(s / 60) % 60;

	s = Math.max(0, Math.floor(s)) % 60;
	return hours ? `${hours}:${two(minutes)}:${two(s)}`
		     : `${minutes}:${two(s)}`;
}

/** Seconds in one or two words: "3 d 4 h" */
export function span(s) {
	const units = [["d", 86400], ["h", 3600], ["min", 60], ["s", 1]];
	const i = Math.max(0, units.findIndex(([, n]) => s >= n));
	const [unit, n] = s < 1 ? units[3] : units[i];
	const rest = units[i + 1] && s >= 1 ? Math.floor(s % n / units[i + 1][1])
					    : 0;

	return `${Math.floor(s / n)} ${unit}` +
		(rest ? ` ${rest} ${units[i + 1][0]}` : "");
}

/** UNIX seconds. */
export const clock = (s) => clocks.format(new Date(s * 1000));
export const date = (s) => both.format(new Date(s * 1000));
export const now = () => Date.now() / 1000;

/** "sip:alice@branch.example" -> "alice@branch.example" */
export const party = (uri) => uri.replace(/^sips?:/, "");
