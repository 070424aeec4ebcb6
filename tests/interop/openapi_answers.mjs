// openapi_answers.mjs URL TOKEN: asks what can be asked without harm, and holds each answer against the document.
import { readFileSync } from "node:fs";
import Ajv from "ajv/dist/2020.js";

const [url, token] = process.argv.slice(2);
const api = JSON.parse(readFileSync("openapi.json", "utf8"));
const ajv = new Ajv({ strict: false, allErrors: true });
ajv.addSchema({ $id: "api", components: api.components });

let failures = 0;
function check(what, schema, value) {
  const whole = JSON.parse(JSON.stringify(schema).replaceAll('"#/', '"api#/'));
  if (ajv.validate(whole, value)) return;
  failures += 1;
  console.error(`${what}: ${ajv.errorsText()}\n  ${JSON.stringify(value).slice(0, 400)}`);
}

async function ask(method, path, target, body) {
  const reply = await fetch(url + (target ?? path), {
    method: method.toUpperCase(),
    headers: { authorization: `Bearer ${token}`, "content-type": "application/json" },
    body: body === undefined ? undefined : JSON.stringify(body),
  });
  const entry = api.paths[path][method];
  const told = entry.responses[reply.status] ?? entry.responses[`${Math.floor(reply.status / 100)}XX`];
  const what = `${method} ${target ?? path} -> ${reply.status}`;
  if (!told) {
    failures += 1;
    console.error(`${what}: the document has no such status`);
    return undefined;
  }
  const content = (told.$ref ? api.components.responses.Problem : told).content ?? {};
  const media = (reply.headers.get("content-type") ?? "").split(";")[0];
  const text = await reply.text();
  if (!content[media] && Object.keys(content).length > 0) {
    failures += 1;
    console.error(`${what}: ${media} is not among ${Object.keys(content)}`);
    return undefined;
  }
  if (!/[/+]json$/.test(media)) return text;
  const value = JSON.parse(text);
  check(what, content[media]?.schema ?? {}, value);
  return value;
}

const name = "/v1/services/{name}";
await ask("post", "/v1/services", undefined, { name: "fits", command: ["sleep", "1000"], tags: ["x"] });
await ask("post", "/v1/services", undefined, { name: "fits", command: ["sleep", "1000"] });
await ask("post", "/v1/services", undefined, { name: "no name" });
await ask("post", `${name}/start`, "/v1/services/a/start?wait=10s");
await ask("post", `${name}/scale`, "/v1/services/a/scale?wait=10s", { instances: 2 });
await ask("get", "/v1/services");
await ask("get", name, "/v1/services/a");
await ask("get", name, "/v1/services/nobody");
await ask("patch", name, "/v1/services/a?wait=10s", { stop_timeout: "9s" });
await ask("patch", name, "/v1/services/a", { stop_timeout: "x" });
for (const verb of ["restart", "reload", "stop"])
  await ask("post", `${name}/${verb}`, `/v1/services/a/${verb}?wait=20s`);
await ask("post", `${name}/reset`, "/v1/services/a/reset");
await ask("post", `${name}/signal`, "/v1/services/b/signal", { signal: "CONT" });
await ask("post", `${name}/commands/{command}`, "/v1/services/b/commands/echo", { x: [1, null] });
await ask("post", `${name}/commands/{command}`, "/v1/services/b/commands/nosuch");
await ask("post", "/v1/commands/{command}", "/v1/commands/pid?select=*");
await ask("get", `${name}/logs`, "/v1/services/a/logs");
await ask("get", `${name}/logs`, "/v1/services/a/logs?lines=x");
await ask("delete", name, "/v1/services/a?wait=20s");
await ask("put", "/v1/queues/{queue}", "/v1/queues/slow", { concurrency: 1 });
await ask("patch", "/v1/queues/{queue}", "/v1/queues/slow", { rate: 1, period: "1m" });
await ask("get", "/v1/queues/{queue}", "/v1/queues/slow");
await ask("post", "/v1/queues/{queue}/pause", "/v1/queues/slow/pause");
const job = await ask("post", "/v1/queues/{queue}/jobs", "/v1/queues/slow/jobs", { type: "Noop" });
await ask("post", "/v1/jobs", undefined, { type: "Noop", arguments: [{}, {}] });
const dead = await ask("post", "/v1/jobs", undefined, { type: "NoSuchType" });
await ask("get", "/v1/queues");
await ask("get", "/v1/queues/{queue}/jobs", "/v1/queues/slow/jobs");
await ask("get", "/v1/jobs", "/v1/jobs?state=ready");
await ask("get", "/v1/jobs/{id}", `/v1/jobs/${job?.id}`);
await ask("get", "/v1/jobs/export");
await ask("delete", "/v1/jobs/{id}", `/v1/jobs/${job?.id}`);
for (let i = 0; i < 100; i += 1) {
  const list = await ask("get", "/v1/failed");
  if (list?.failed.length > 0) break;
  await new Promise((resolve) => setTimeout(resolve, 50));
}
await ask("get", "/v1/failed/{id}", `/v1/failed/${dead?.id}`);
await ask("get", "/v1/jobs/{id}", `/v1/jobs/${dead?.id}`);
await ask("post", "/v1/failed/requeue", undefined, { ids: ["nosuch"] });
await ask("post", "/v1/failed/{id}/requeue", `/v1/failed/${dead?.id}/requeue`);
await ask("post", "/v1/failed/remove", undefined, { all: true });
await ask("delete", "/v1/failed/{id}", "/v1/failed/nosuch");
await ask("delete", "/v1/queues/{queue}", "/v1/queues/slow");
const schedule = { name: "nightly", cron: "0 3 * * *", type: "Noop" };
await ask("post", "/v1/schedules", undefined, schedule);
await ask("post", "/v1/schedules", undefined, schedule);
await ask("put", "/v1/schedules/{name}", "/v1/schedules/nightly", schedule);
await ask("get", "/v1/schedules");
await ask("get", "/v1/schedules/{name}", "/v1/schedules/nightly");
await ask("post", "/v1/schedules/{name}/run", "/v1/schedules/nightly/run");
await ask("delete", "/v1/schedules/{name}", "/v1/schedules/nightly");
await ask("get", "/v1/openapi.json");
await ask("get", "/metrics");
await ask("get", "/healthz");
await ask("get", "/readyz");
if (api.paths["/point"]) {
  await ask("post", "/point", undefined, { x: 1, y: 2 });
  await ask("post", "/point", undefined, { x: 1 });
}
console.log(failures === 0 ? "every answer fits" : `${failures} answers do not fit`);
process.exit(failures === 0 ? 0 : 1);
