// The server under test, a service provider and an SCIM service, each ended with the test that started it.
import { spawn } from "node:child_process";
import { mkdtempSync, rmSync } from "node:fs";
import net from "node:net";
import { tmpdir } from "node:os";
import path from "node:path";
import readline from "node:readline";
import { setTimeout as pause } from "node:timers/promises";
import { fileURLToPath } from "node:url";

const repository = path.resolve(path.dirname(fileURLToPath(import.meta.url)), "../..");
const START_MS = 60_000;

async function freePort() {
  const server = net.createServer();
  await new Promise((done) => server.listen(0, "127.0.0.1", done));
  const { port } = server.address();
  await new Promise((done) => server.close(done));
  return port;
}

const binary = process.env.TESSERA_TEST_BINARY ?? path.join(repository, "target/ci/tessera");

/** Starts the binary and waits until it is healthy. `setupLink` is the address it printed for the owner. */
export async function startTessera({ command = "serve", args = [] } = {}) {
  const folder = mkdtempSync(path.join(tmpdir(), "tessera-browser-"));
  const base = `http://localhost:${await freePort()}`;
  const listen = `127.0.0.1:${new URL(base).port}`;
  const foreign = Object.entries(process.env).filter(([name]) => !name.startsWith("TESSERA_"));
  const env = { ...Object.fromEntries(foreign), NO_COLOR: "1", TESSERA_DATA_DIR: path.join(folder, "data") };
  const child = spawn(binary, [command, "--listen", listen, "--base-url", base, ...args], { cwd: folder, env });
  let log = "";
  for (const stream of [child.stdout, child.stderr]) stream.on("data", (chunk) => (log += chunk));
  const ended = new Promise((done) => child.on("close", done));
  const stop = async () => {
    child.kill("SIGTERM");
    await ended;
    rmSync(folder, { recursive: true, force: true });
  };
  process.on("exit", () => child.kill("SIGKILL"));
  for (const start = Date.now(); ; await pause(50)) {
    if (child.exitCode !== null) throw new Error(`tessera ended with ${child.exitCode}:\n${log}`);
    if (Date.now() - start > START_MS) throw new Error(`tessera is not healthy:\n${log}`);
    const answer = await fetch(`${base}/healthz`).catch(() => null);
    if (answer?.ok) break;
  }
  return {
    base,
    stop,
    log: () => log,
    setupLink: () => new RegExp(`${base}/setup/[A-Za-z0-9_-]+`).exec(log)?.[0],
  };
}

/** Starts the provider on node-saml. `start` tells it the identity provider's metadata. */
export async function prepareProvider(options = []) {
  const child = spawn("node", [path.join(repository, "tests/sp/node/sp.js"), ...options], {
    stdio: ["pipe", "pipe", "inherit"],
  });
  const lines = readline.createInterface({ input: child.stdout })[Symbol.asyncIterator]();
  const told = JSON.parse((await lines.next()).value);
  return {
    ...told,
    start: async (metadata) => {
      child.stdin.write(`${metadata}\n`);
      return JSON.parse((await lines.next()).value);
    },
    stop: () => child.stdin.end(),
  };
}

/** Starts an SCIM service in memory, which can be seeded, made to fail, and asked what it was asked. */
export async function startLab() {
  const token = "of-the-lab";
  const child = spawn(binary, ["lab", "scim", "--listen", `127.0.0.1:${await freePort()}`, "--token", token]);
  process.on("exit", () => child.kill("SIGKILL"));
  const lines = readline.createInterface({ input: child.stdout })[Symbol.asyncIterator]();
  let url;
  while (!url) {
    const { value, done } = await lines.next();
    if (done) throw new Error("the lab did not start");
    url = /http:\/\/\S+\/scim\/v2/.exec(value)?.[0];
  }
  const origin = url.replace(/\/scim\/v2$/, "");
  let current = token;
  const ask = async (method, where, body) => {
    const bearer = where.startsWith("/lab/") ? token : current;
    const headers = { authorization: `Bearer ${bearer}`, "content-type": "application/json" };
    const answer = await fetch(origin + where, { method, headers, body: body && JSON.stringify(body) });
    if (!answer.ok) throw new Error(`${method} ${where}: ${answer.status} ${await answer.text()}`);
    return answer.status === 204 ? null : answer.json();
  };
  return {
    url,
    token,
    seed: (users) => ask("POST", "/lab/state", { users }),
    fault: (fault, rule = {}) => ask("POST", "/lab/faults", { fault, ...rule }),
    clear: () => ask("DELETE", "/lab/requests"),
    /** What was asked of it and was no reading, as `POST /Users`. */
    writes: async () => {
      const requests = await ask("GET", "/lab/requests");
      return requests.filter(({ method }) => method !== "GET").map(({ method, path: where }) => `${method} ${where}`);
    },
    /** From now on clients need this token. */
    renew: async (value) => {
      await ask("PUT", "/lab/token", { token: value });
      current = value;
    },
    /** Changes an account as another client of the service does. */
    change: (id, values) =>
      ask("PATCH", `/scim/v2/Users/${id}`, {
        schemas: ["urn:ietf:params:scim:api:messages:2.0:PatchOp"],
        Operations: Object.entries(values).map(([name, value]) => ({ op: "replace", path: name, value })),
      }),
    user: async (name) => (await ask("GET", "/lab/state")).users.find(({ userName }) => userName === name),
    stop: () => new Promise((done) => child.on("close", done) && child.kill("SIGTERM")),
  };
}
