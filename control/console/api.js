// SPDX-License-Identifier: Apache-2.0
/* The control API, as control/http/openapi.json describes it: the only way in
 * which the console learns or changes anything. */

const ROOT = "/api/v1";

/** What the API refuses, in its own words. */
export class ApiError extends Error {
	constructor(status, name, message) {
		super(message);
		this.status = status;
		this.name = name;
	}
}

/** path`/users/${name}/policy`: what is put in is escaped. */
export function path(texts, ...values) {
	return texts.reduce((all, text, i) =>
		all + encodeURIComponent(values[i - 1]) + text);
}

/** Who is logged in: {role, name, csrf}; null: nobody. */
export let session = null;
const ROLES = ["read", "operate", "administer"];

/** May who is logged in do what takes this role? */
export function may(role) {
	return ROLES.indexOf(session?.role) >= ROLES.indexOf(role);
}

let onEnd = () => {};
/** f is called when the session has ended, whoever ended it. */
export function whenSessionEnds(f) {
	onEnd = f;
}

async function failure(answer) {
	let said = {};

	try {
		said = await answer.json();
	} catch {
		/* not from the API: a proxy's page */
	}
	return new ApiError(answer.status, said.error ?? "unknown",
		said.message ?? `The gateway answered ${answer.status}`);
}

/* body: a file goes as it is. */
async function ask(method, where, body, signal) {
	const headers = {}, octets = body instanceof Blob;
	let answer;

	if (body !== undefined)
		headers["Content-Type"] = octets ? "application/octet-stream"
						 : "application/json";
	if (method !== "GET" && session?.csrf)
		headers["X-CSRF-Token"] = session.csrf;
	try {
		answer = await fetch(ROOT + where, {
			method, headers, signal, cache: "no-store",
			body: body === undefined || octets
				? body : JSON.stringify(body),
		});
	} catch (e) {
		if (e.name === "AbortError")
			throw e;
		throw new ApiError(0, "unreachable",
			"The gateway can't be reached");
	}
	if (!answer.ok) {
		const error = await failure(answer);

		if (answer.status === 401 && session) {
			session = null;
			onEnd();
		}
		throw error;
	}
	return answer;
}

const json = async (...of) => (await ask(...of)).json();

export const api = {
	get: (where, signal) => json("GET", where, undefined, signal),
	post: (where, body) => json("POST", where, body),
	put: (where, body) => json("PUT", where, body),
	patch: (where, body) => json("PATCH", where, body),
	remove: (where) => json("DELETE", where),
	blob: async (where) => (await ask("GET", where)).blob(),
};

/** Ask who we are. @return whether somebody is logged in */
export async function sessionFind() {
	try {
		session = await api.get("/session");
	} catch (e) {
		if (e.status !== 401)
			throw e;
		session = null;
	}
	return session !== null;
}

/** kind: "name" for an administrator, "user" for a user. */
export async function login(kind, name, password) {
	session = await api.post("/session", { [kind]: name, password });
}

export async function logout() {
	try {
		await api.remove("/session");
	} finally {
		session = null;
		onEnd();
	}
}
