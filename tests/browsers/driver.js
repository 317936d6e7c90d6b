// SPDX-License-Identifier: Apache-2.0
// driver.js - one headless Chromium with one page, phone.html, driven by lines
// of JSON: {"id": 1, "op": "call", "args": [...]} in, {"id": 1, "value": ...} or
// {"id": 1, "error": "..."} out; ops are the functions of phone.js, and
// "reload". What the page says of itself comes unasked, as {"event": ...}.
//
//   node driver.js MODULES PAGES '{"capture": WAV, "spki": [...], "hosts": []}'
//
// It runs in a network namespace: the page is served on its loopback, which is
// an origin that may use a microphone.
'use strict';
const fs = require('fs');
const http = require('http');
const path = require('path');
const readline = require('readline');
const [modules, pages, words] = process.argv.slice(2);
const {chromium} = require(path.join(modules, 'playwright-core'));
const options = JSON.parse(words);

const TYPES = {'.html': 'text/html', '.js': 'text/javascript'};

function say(message) {
	process.stdout.write(JSON.stringify(message) + '\n');
}

function serve() {
	const server = http.createServer((request, response) => {
		const name = path.basename(new URL(request.url, 'http://x').pathname);
		fs.readFile(path.join(pages, name), (error, data) => {
			response.writeHead(error ? 404 : 200, {
				'Content-Type': TYPES[path.extname(name)] || 'text/plain'});
			response.end(error ? '' : data);
		});
	});
	return new Promise(done => server.listen(0, '127.0.0.1', () =>
		done(`http://127.0.0.1:${server.address().port}/phone.html`)));
}

function launch() {
	const reachable = ['127.0.0.1', ...options.hosts];
	return chromium.launch({
		executablePath: '/usr/bin/chromium',
		headless: true,
		args: [
			'--no-sandbox', '--disable-gpu', '--disable-dev-shm-usage',
			'--disable-background-networking', '--disable-component-update',
			'--disable-sync', '--no-first-run',
			'--host-resolver-rules=MAP * ~NOTFOUND ' +
				reachable.map(host => `, EXCLUDE ${host}`).join(' '),
			'--autoplay-policy=no-user-gesture-required',
			'--use-fake-ui-for-media-stream',
			'--use-fake-device-for-media-stream=fps=10',
			`--use-file-for-fake-audio-capture=${options.capture}`,
			`--ignore-certificate-errors-spki-list=${options.spki.join(',')}`,
		],
	});
}

async function main() {
	const [address, browser] = await Promise.all([serve(), launch()]);
	const page = await (await browser.newContext()).newPage();
	page.on('console', m => process.stderr.write(m.text() + '\n'));
	page.on('pageerror', e => process.stderr.write(`${e.stack}\n`));
	await page.exposeFunction('tell', event => say({event}));
	const load = () => page.goto(address, {waitUntil: 'load'});
	await load();
	say({event: {type: 'ready', version: browser.version()}});

	for await (const line of readline.createInterface(process.stdin)) {
		const {id, op, args} = JSON.parse(line);
		try {
			const value = op === 'reload' ? void await load() :
				await page.evaluate(([f, a]) => window.phone[f](...a),
					[op, args]);
			say({id, value: value === undefined ? null : value});
		} catch (e) {
			say({id, error: String(e)});
		}
	}
	await browser.close();
	process.exit(0);
}

main().catch(e => {
	process.stderr.write(`${e.stack}\n`);
	process.exit(1);
});
