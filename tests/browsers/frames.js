// SPDX-License-Identifier: Apache-2.0
// frames.js - the worker of an encoded transform: frames sealed with AES-GCM.
//
//   clear octets | ciphertext and tag | IV: sender, 4 octets; counter, 8
//
// The first octets of a VP8 frame stay as they are (and are authenticated): by
// them the browser itself, and whoever forwards pictures, tells key frames. The
// counter, never used twice by a sender, and a number of the sender's own are
// the IV, so that both ends may use one key.
'use strict';
const CLEAR = {key: 10, delta: 3};
const COUNTER = 8, TAG = 16, SENDER = 4;
const counts = {sealed: 0, opened: 0, refused: 0};

setInterval(() => postMessage(counts), 200);

function clearOctets(frame, kind) {
	return kind === 'audio' ? 0 : CLEAR[frame.type] ?? CLEAR.delta;
}

function concat(...parts) {
	const out = new Uint8Array(parts.reduce((n, p) => n + p.byteLength, 0));
	let at = 0;
	for (const part of parts) {
		out.set(new Uint8Array(part), at);
		at += part.byteLength;
	}
	return out;
}

function sealer(key, kind) {
	const sender = crypto.getRandomValues(new Uint8Array(SENDER));
	let count = 0n;
	return async frame => {
		const plain = new Uint8Array(frame.data);
		const clear = plain.subarray(0, clearOctets(frame, kind));
		const counter = new DataView(new ArrayBuffer(COUNTER));
		counter.setBigUint64(0, count++);
		const iv = concat(sender, counter.buffer);
		const sealed = await crypto.subtle.encrypt(
			{name: 'AES-GCM', iv, additionalData: clear}, key,
			plain.subarray(clear.length));
		frame.data = concat(clear, sealed, iv).buffer;
		counts.sealed++;
		return true;
	};
}

function opener(key, kind) {
	return async frame => {
		const data = new Uint8Array(frame.data);
		const clear = data.subarray(0, clearOctets(frame, kind));
		const end = data.length - SENDER - COUNTER;
		if (end < clear.length + TAG)
			return false;
		try {
			const plain = await crypto.subtle.decrypt(
				{name: 'AES-GCM', iv: data.subarray(end),
					additionalData: clear}, key,
				data.subarray(clear.length, end));
			frame.data = concat(clear, plain).buffer;
			counts.opened++;
			return true;
		} catch {
			counts.refused++;
			return false;
		}
	};
}

onrtctransform = async ({transformer}) => {
	const {kind, way} = transformer.options;
	const key = await crypto.subtle.importKey('raw',
		Uint8Array.from(atob(transformer.options.key),
			c => c.charCodeAt(0)), 'AES-GCM', false,
		['encrypt', 'decrypt']);
	const work = way === 'seal' ? sealer(key, kind) : opener(key, kind);
	transformer.readable.pipeThrough(new TransformStream({
		async transform(frame, controller) {
			if (await work(frame))
				controller.enqueue(frame);
		}})).pipeTo(transformer.writable);
};
