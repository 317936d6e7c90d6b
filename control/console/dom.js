// SPDX-License-Identifier: Apache-2.0
/* Elements made by functions: nothing that the API says ever becomes markup,
 * and no element gets a style attribute, which the content security policy
 * forbids. What is drawn again and again is morphed into what is there, so that
 * focus, selection and a click under way survive an update. */

const SVG = "http://www.w3.org/2000/svg";
const handlers = new WeakMap(); /* element -> {type: function} */

function dispatch(event) {
	handlers.get(event.currentTarget)?.[event.type]?.(event);
}

function listen(el, type, f) {
	const of = handlers.get(el) ?? {};

	if (!(type in of))
		el.addEventListener(type, dispatch);
	of[type] = f;
	handlers.set(el, of);
}

function fill(el, props, children) {
	for (const [name, value] of Object.entries(props ?? {})) {
		if (value === null || value === undefined || value === false)
			continue;
		if (name.startsWith("on"))
			listen(el, name.slice(2), value);
		else
			el.setAttribute(name, value === true ? "" : value);
	}
	el.append(...children.flat(Infinity).filter(
		(c) => c !== null && c !== undefined && c !== false));
	return el;
}

/** An element: attributes as they are written, on* is a listener, false and
 * null are left out, of the children as well. */
export function h(tag, props, ...children) {
	return fill(document.createElement(tag), props, children);
}

export function svg(tag, props, ...children) {
	return fill(document.createElementNS(SVG, tag), props, children);
}

function sameAttributes(old, next) {
	for (const { name } of [...old.attributes])
		if (!next.hasAttribute(name))
			old.removeAttribute(name);
	for (const { name, value } of next.attributes)
		if (old.getAttribute(name) !== value)
			old.setAttribute(name, value);
}

function sameHandlers(old, next) {
	const had = handlers.get(old) ?? {};
	const has = handlers.get(next) ?? {};

	for (const type of Object.keys(had))
		had[type] = null;
	for (const [type, f] of Object.entries(has))
		listen(old, type, f);
}

function sameChildren(old, next) {
	const keyed = new Map();
	let at = old.firstChild;

	for (const c of old.children)
		if (c.dataset.key)
			keyed.set(c.dataset.key, c);
	for (const n of [...next.childNodes]) {
		const key = n.dataset?.key;
		const same = key ? keyed.get(key)
				 : at && !at.dataset?.key ? at : null;

		if (!same) {
			old.insertBefore(n, at);
			continue;
		}
		if (same !== at)
			old.insertBefore(same, at);
		at = morph(same, n).nextSibling;
	}
	while (at) {
		const gone = at;

		at = at.nextSibling;
		gone.remove();
	}
}

/** Make old look and act like next. @return what stands there now */
export function morph(old, next) {
	if (old.nodeType !== next.nodeType || old.nodeName !== next.nodeName) {
		old.replaceWith(next);
		return next;
	}
	if (old.nodeType !== Node.ELEMENT_NODE) {
		if (old.data !== next.data)
			old.data = next.data;
		return old;
	}
	sameAttributes(old, next);
	sameHandlers(old, next);
	sameChildren(old, next);
	return old;
}

/** A place whose content is set again and again. */
export function region(props, ...first) {
	const el = h("div", props, ...first);

	return {
		el,
		set(...children) {
			sameChildren(el, h("div", null, ...children));
		},
	};
}

/** A name such as AES_CM_128_HMAC_SHA1_80, which may be broken where it has
 * a joint. */
export const jointed = (name) => name.split(/(?<=[_/@])/)
	.flatMap((part, i) => (i ? [h("wbr"), part] : [part]));

let ids = 0;
/** An id that nothing else has. */
export const unique = (what) => `${what}-${++ids}`;
