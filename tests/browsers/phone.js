// SPDX-License-Identifier: Apache-2.0
// phone.js - a page that is a phone: JsSIP over secure WebSocket, one call at a
// time. window.phone is what driver.js calls; `tell` goes back to it.
import JsSIP from 'jssip';

const RATE = 8000; // of what is written down of what is heard

// Hands on every sample, unaltered.
const RECORDER = `registerProcessor('recorder', class extends AudioWorkletProcessor {
	process([[samples]]) {
		if (samples)
			this.port.postMessage(samples.slice());
		return true;
	}
});`;

let ua, session, connection, local, options, worker;
let heard = [];
const listened = new Set(); // tracks: each says more than once that it is there

const tell = (type, more = {}) => window.tell({type, ...more});

async function microphone(video) {
	const audio = {echoCancellation: false, noiseSuppression: false,
		autoGainControl: false};
	return navigator.mediaDevices.getUserMedia({audio,
		video: video && {width: 320, height: 240, frameRate: 10}});
}

async function listen(track) {
	if (listened.has(track))
		return;
	listened.add(track);
	const stream = new MediaStream([track]);
	// A remote track flows only where an element plays it.
	const element = document.getElementById('audio');
	element.srcObject = stream;
	element.muted = true;
	const context = new AudioContext({sampleRate: RATE});
	await context.audioWorklet.addModule(URL.createObjectURL(
		new Blob([RECORDER], {type: 'text/javascript'})));
	const recorder = new AudioWorkletNode(context, 'recorder');
	recorder.port.onmessage = ({data}) => heard.push(data);
	context.createMediaStreamSource(stream).connect(recorder);
	recorder.connect(context.destination);
}

// End-to-end encryption: each frame, in a worker, before it is packetised and
// after it was put together. The hops' DTLS-SRTP is outside of that.
function transform(what, kind) {
	if (!options.frameKey)
		return;
	if (!worker) {
		worker = new Worker('frames.js');
		worker.onmessage = ({data}) => tell('frames', data);
		worker.onerror = ({message}) => console.error(message);
	}
	what.transform = new RTCRtpScriptTransform(worker, {
		kind, key: options.frameKey,
		way: what instanceof RTCRtpSender ? 'seal' : 'open'});
}

function attach(pc) {
	connection = pc;
	// Before there is a description: a receiver that has begun without a
	// transform goes on without one.
	const add = pc.addTrack.bind(pc);
	pc.addTrack = (track, ...streams) => {
		const sender = add(track, ...streams);
		const {receiver} = pc.getTransceivers().find(
			t => t.sender === sender);
		transform(sender, track.kind);
		transform(receiver, track.kind);
		return sender;
	};
	pc.addEventListener('track', ({track}) => {
		if (track.kind === 'audio')
			return listen(track);
		document.getElementById('video').srcObject =
			new MediaStream([track]);
	});
	pc.addEventListener('connectionstatechange',
		() => tell('connection', {state: pc.connectionState}));
}

// The certificate isn't the one that the SDP names: not ours for who reads ours,
// or not theirs for us.
function falsify(event) {
	if (event.originator === options.wrongFingerprint)
		event.sdp = event.sdp.replace(
			/^(a=fingerprint:sha-256 )([0-9A-F]{2})/gm,
			(all, name, octet) => name +
				(octet === '00' ? 'FF' : '00'));
}

const handlers = {
	sdp: falsify,
	peerconnection: ({peerconnection}) => attach(peerconnection),
	confirmed: () => tell('confirmed'),
	ended: ({cause, originator}) => tell('ended', {cause, originator}),
	failed: ({cause, message}) => tell('failed', {
		cause, status: message ? message.status_code || 0 : 0}),
	hold: ({originator}) => tell('hold', {originator}),
	unhold: ({originator}) => tell('unhold', {originator}),
	newDTMF: ({originator, dtmf}) => tell('dtmf', {
		originator, tone: dtmf.tone}),
};

function settings() {
	return {mediaStream: local, pcConfig: {iceServers: []},
		sessionTimersExpires: 120};
}

function incoming({originator, session: call}) {
	session = call;
	if (originator === 'local')
		return;
	for (const [name, handler] of Object.entries(handlers))
		call.on(name, handler);
	call.answer(settings());
}

async function stats(kind, type, names) {
	const found = {};
	for (const report of (await connection.getStats()).values())
		if (report.type === type && (!kind || report.kind === kind))
			for (const name of names)
				found[name] = report[name];
	return found;
}

// One after the other: until the far end has answered.
const asked = f => new Promise((done, no) => {
	setTimeout(no, 30000, new Error('no answer'));
	f(() => done(true)) || no(new Error('not now'));
});

window.phone = {
	// {server, user, domain, password, video, frameKey, wrongFingerprint:
	// 'local' or 'remote'}
	async start(o) {
		options = o;
		local = await microphone(o.video);
		ua = new JsSIP.UA({
			sockets: [new JsSIP.WebSocketInterface(o.server)],
			uri: `sip:${o.user}@${o.domain}`, password: o.password,
			register_expires: 120});
		ua.on('newRTCSession', incoming);
		const registered = new Promise((done, no) => {
			ua.on('registered', done);
			ua.on('registrationFailed', ({cause}) =>
				no(new Error(cause)));
		});
		ua.start();
		await registered;
	},
	call(target) {
		heard = [];
		ua.call(target, {...settings(), eventHandlers: handlers});
	},
	hangUp() { session.terminate(); },
	hold() { return asked(done => session.hold({}, done)); },
	resume() { return asked(done => session.unhold({}, done)); },
	restartIce() {
		return asked(done => session.renegotiate(
			{rtcOfferConstraints: {iceRestart: true}}, done));
	},
	dtmf(tones, how) { session.sendDTMF(tones, {transportType: how}); },
	description(side) { return connection[side + 'Description'].sdp; },
	// What was heard since the call began, or since this was last asked: base64
	// of 16-bit samples, RATE a second.
	heard() {
		const blocks = heard.splice(0);
		const all = new Int16Array(blocks.reduce((n, b) => n + b.length, 0));
		let at = 0;
		for (const block of blocks)
			for (const sample of block)
				all[at++] = Math.max(-1, Math.min(1, sample)) * 32767;
		const octets = new Uint8Array(all.buffer);
		let text = '';
		for (let i = 0; i < octets.length; i += 8192)
			text += String.fromCharCode(...octets.subarray(i, i + 8192));
		return btoa(text);
	},
	frames() {
		return stats('video', 'inbound-rtp',
			['framesDecoded']);
	},
	received() {
		return stats('audio', 'inbound-rtp',
			['packetsReceived']);
	},
	transport() {
		return stats(null, 'transport', ['srtpCipher',
			'iceLocalUsernameFragment']);
	},
};
