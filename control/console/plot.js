// SPDX-License-Identifier: Apache-2.0
/* Plots over time, by uPlot, in the colours of style.css. The curves are a
 * picture, so what they say now and at most stands beside them as text. */
import uPlot from "./vendor/uplot/uPlot.esm.js";
import { h, region } from "./dom.js";
import { clock, now, short } from "./format.js";

const HEIGHT = 150;
const WINDOW = 60; /* seconds that are drawn at least */
const dark = matchMedia("(prefers-color-scheme: dark)");
const DASHES = [[], [6, 4], [2, 3], [8, 3, 2, 3]]; /* not by colour alone */

/* From where to where: uPlot's own idea of a single sample is a day. */
function lately(times) {
	const to = times.at(-1) ?? now();

	return [Math.min(times[0] ?? to, to - WINDOW), to];
}

function token(name) {
	return getComputedStyle(document.documentElement)
		.getPropertyValue(name).trim();
}

/**
 * title; unit: of the values; names: of the curves; format: a value as text;
 * signal: ends it. set(data): [times, values, values …], null: nothing known.
 */
export function plot({ title, unit, names, format = short, min = 1, signal }) {
	const canvas = h("div", { class: "canvas", "aria-hidden": "true" });
	const text = region({ class: "legend" });
	const el = h("figure", { class: "plot" },
		h("figcaption", null, h("span", { class: "name" }, title),
			h("span", { class: "unit" }, unit)), canvas, text.el);
	let data = [[], ...names.map(() => [])], u = null;

	function make() {
		const axis = { stroke: token("--faint"), size: 26,
			font: "11px system-ui", ticks: { show: false },
			grid: { stroke: token("--line"), width: 1 } };

		u?.destroy();
		u = new uPlot({
			width: Math.max(canvas.clientWidth, 120), height: HEIGHT,
			legend: { show: false }, padding: [8, 16, 0, 0],
			cursor: { show: false },
			scales: {
				x: { range: () => lately(data[0]) },
				y: { range: (_, low, high) =>
					[0, Math.max(min, (high ?? 0) * 1.1)] },
			},
			axes: [
				{ ...axis, values: (_, at) => at.map((t) => clock(t)),
				  space: 70 },
				{ ...axis, size: 46, values: (_, at) =>
					at.map((v) => format(v)) },
			],
			series: [{}, ...names.map((_, i) => ({
				stroke: token(`--curve-${i + 1}`), width: 1.5,
				dash: DASHES[i],
				/* one sample makes no curve yet */
				points: { show: () => data[0].length < 2,
					size: 5 },
			}))],
		}, data, canvas);
	}

	function legend() {
		text.set(names.map((name, i) => {
			const values = data[i + 1].filter((v) => v !== null);
			const last = values.at(-1);

			return h("span", { class: `curve curve-${i + 1}` }, name,
				" ", h("b", null, last === undefined ? "–"
								     : format(last)),
				values.length ? h("small", null, " max ",
					format(Math.max(...values))) : null);
		}));
	}

	const resized = new ResizeObserver(() => {
		if (u && canvas.clientWidth)
			u.setSize({ width: canvas.clientWidth, height: HEIGHT });
	});

	resized.observe(canvas);
	dark.addEventListener("change", () => u && make(), { signal });
	signal.addEventListener("abort", () => {
		resized.disconnect();
		u?.destroy();
	});
	return {
		el,
		set(next) {
			data = next;
			if (!u && el.isConnected)
				make();
			u?.setData(data);
			legend();
		},
	};
}
