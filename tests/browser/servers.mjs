// The server under test and a service provider, each ended with the test that started it.
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

/** Starts the binary and waits until it is healthy. `setupLink` is the address it printed for the owner. */
export async function startTessera({ command = "serve", args = [] } = {}) {
  const binary = process.env.TESSERA_TEST_BINARY ?? path.join(repository, "target/ci/tessera");
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
