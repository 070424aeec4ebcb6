// Managers of a test's own: each with its folder and ports, ended with the test.
import { execFile, spawn } from "node:child_process";
import { mkdtempSync, readFileSync, writeFileSync, existsSync, openSync, rmSync } from "node:fs";
import { request } from "node:http";
import { join } from "node:path";
import { tmpdir } from "node:os";

export const patience = 60000;

/** Asks until `look` gives something; fails with `what` when it never does. */
export async function until(what, look, within = patience) {
  const end = Date.now() + within;
  for (;;) {
    const found = await look();
    if (found) return found;
    if (Date.now() > end) throw new Error(`not in time: ${what}`);
    await new Promise((resolve) => setTimeout(resolve, 10));
  }
}

export class Manager {
  /** `config`: the TOML of an smd, or null for the program of the tests. */
  static async start(config) {
    const m = new Manager();
    m.folder = mkdtempSync(join(tmpdir(), "sm-e2e-"));
    m.state = join(m.folder, "state");
    const log = openSync(join(m.folder, "log"), "w");
    const rest = ["--state", m.state, "--listen", "127.0.0.1:0"];
    if (config !== null) writeFileSync(join(m.folder, "smd.toml"), config);
    m.process = config === null
      ? spawn(process.env.PROGRAM, rest, { stdio: ["ignore", log, log] })
      : spawn(process.env.SMD, ["--config", join(m.folder, "smd.toml"), ...rest], { stdio: ["ignore", log, log] });
    m.ended = new Promise((resolve) => m.process.once("exit", resolve));
    await until("the manager serves", () => existsSync(join(m.state, "http")));
    m.address = readFileSync(join(m.state, "http"), "utf8").trim();
    m.url = `http://${m.address}`;
    m.token = readFileSync(join(m.state, "token"), "utf8").trim();
    return m;
  }

  /** Over the Unix socket, whose user may all; the answer of a status from 400 on is thrown. */
  ask(method, path, body) {
    return new Promise((resolve, reject) => {
      const rq = request({ socketPath: join(this.state, "sm.sock"), method, path,
        headers: body === undefined ? {} : { "Content-Type": "application/json" } }, (answer) => {
        let text = "";
        answer.on("data", (part) => (text += part));
        answer.on("end", () => {
          const document = text.startsWith("{") ? JSON.parse(text) : text;
          if (answer.statusCode >= 400) reject(new Error(`${method} ${path}: ${text}`));
          else resolve(document);
        });
      });
      rq.on("error", reject);
      rq.end(body === undefined ? undefined : JSON.stringify(body));
    });
  }

  async link(role) {
    const { url } = await this.ask("POST", "/v1/sign-ins", role ? { role } : {});
    return url;
  }

  async stop() {
    this.process.kill("SIGCONT");
    this.process.kill("SIGTERM");
    await this.ended;
    rmSync(this.folder, { recursive: true, force: true });
  }
}

export function run(command, ...words) {
  return new Promise((resolve, reject) =>
    execFile(command, words, (error, stdout) => (error ? reject(error) : resolve(stdout))));
}
