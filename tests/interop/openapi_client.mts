// openapi_client.mts URL TOKEN CONFIG: a client of the types that openapi-typescript makes of the document. It drives
// every operation under /v1 of the manager there, whose configuration file is CONFIG, and fails when it left one out.
import { appendFileSync, readFileSync } from "node:fs";
import createClient from "openapi-fetch";
import type { paths } from "./api.js";

const [url, token, config] = process.argv.slice(2) as [string, string, string];
const api = createClient<paths>({ baseUrl: url, headers: { authorization: `Bearer ${token}` } });
const driven = new Set<string>();
api.use({
  onRequest({ schemaPath, request }) {
    driven.add(`${request.method.toLowerCase()} ${schemaPath}`);
  },
});

function expect(holds: boolean | undefined, what: string): void {
  if (holds === true) return;
  console.error(`does not hold: ${what}`);
  process.exit(1);
}

/** What was answered; an error ends the test. */
function answer<T>(reply: { data?: T; error?: unknown; response: Response }, what: string): T {
  expect(reply.response.ok, `${what}: ${reply.response.status} ${JSON.stringify(reply.error)}`);
  return reply.data as T;
}

async function eventually<T>(look: () => Promise<T | undefined>, what: string): Promise<T> {
  for (let i = 0; i < 200; i += 1) {
    const found = await look().catch(() => undefined);
    if (found !== undefined) return found;
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
  expect(false, what);
  throw new Error(what);
}

// -- services
const path = { name: "typed" };
const wait = { wait: "20s" };
const spec = { name: "typed", command: ["sleep", "1000"], tags: ["ts"] };
const added = answer(await api.POST("/v1/services", { body: spec }), "a service is added");
expect(added.name === "typed", "it has its name");
const started = answer(
  await api.POST("/v1/services/{name}/start", { params: { path, query: wait } }),
  "it is started",
);
expect(started.ready === true, "it is ready");
const scaled = answer(
  await api.POST("/v1/services/{name}/scale", { params: { path, query: wait }, body: { instances: 2 } }),
  "it is scaled",
);
expect(scaled.instances?.ready === 2, "it has two instances");
const changed = answer(
  await api.PATCH("/v1/services/{name}", { params: { path, query: wait }, body: { stop_timeout: "9s" } }),
  "it is changed",
);
expect(changed.name === "typed", "the change answers with it");
const shown = answer(await api.GET("/v1/services/{name}", { params: { path } }), "it is shown");
expect(shown.instance_list?.length === 2, "with its instances");
const listing = answer(await api.GET("/v1/services", { params: { query: { state: "RUNNING" } } }), "they are listed");
expect(listing.services.some((s) => s.name === "typed"), "it is among them");
const some = answer(
  await api.GET("/v1/services", {
    params: { query: { fields: ["ready", "restarts"] } },
    querySerializer: { array: { style: "form", explode: false } },
  }),
  "some of their members",
);
expect(some.services.every((s) => s.ready !== undefined && s.type === undefined), "and no others");
answer(
  await api.POST("/v1/services/{name}/signal", { params: { path }, body: { signal: "CONT" } }),
  "it gets a signal",
);
const called = answer(
  await api.POST("/v1/services/{name}/commands/{command}", {
    params: { path: { name: "typed:0", command: "status" }, query: { timeout: "5s" } },
  }),
  "an instance is called",
);
expect(called.result !== undefined, "it has a result");
const gathered = answer(
  await api.POST("/v1/commands/{command}", {
    params: { path: { command: "status" }, query: { select: "tag:ts", timeout: "5s" } },
  }),
  "all are called",
);
expect(gathered.complete, "all have answered");
expect(Object.keys(gathered.results).length === 2, "both instances are among them");
const unknown = await api.GET("/v1/services/{name}", { params: { path: { name: "nobody" } } });
expect(unknown.error?.code === "unknown_service", "an error has its code");
answer(await api.POST("/v1/services/{name}/restart", { params: { path, query: wait } }), "it is restarted");
answer(await api.POST("/v1/services/{name}/reload", { params: { path, query: wait } }), "it is reloaded");
const lines = answer(
  await api.GET("/v1/services/{name}/logs", { params: { path, query: { lines: 5 } }, parseAs: "text" }),
  "its log is read",
);
expect(String(lines).includes("sleep"), "its log has lines");
const events = answer(
  await api.GET("/v1/events", { params: { query: { held: "1" } }, parseAs: "text" }),
  "what happened is read",
);
expect(String(events).includes("typed"), "the service is in it");
const recent = answer(
  await api.GET("/v1/events/recent", { params: { query: { limit: 200 } } }),
  "what happened last is read",
);
expect(recent.events.some((e) => e.data.service === "typed"), "the service is in it, too");
answer(await api.POST("/v1/services/{name}/stop", { params: { path, query: wait } }), "it is stopped");
answer(await api.POST("/v1/services/{name}/reset", { params: { path } }), "its failures are forgotten");
answer(await api.DELETE("/v1/services/{name}", { params: { path, query: wait } }), "it is removed");

// -- queues and jobs
const slow = { queue: "slow" };
answer(await api.PUT("/v1/queues/{queue}", { params: { path: slow }, body: { concurrency: 1 } }), "a queue is made");
const limited = answer(
  await api.PATCH("/v1/queues/{queue}", { params: { path: slow }, body: { rate: 3, period: "1m" } }),
  "its limits are changed",
);
expect(limited.name === "slow", "the change answers with it");
answer(await api.POST("/v1/queues/{queue}/pause", { params: { path: slow } }), "it is paused");
expect(answer(await api.GET("/v1/queues/{queue}", { params: { path: slow } }), "it is shown").paused, "as paused");
answer(await api.POST("/v1/queues/{queue}/resume", { params: { path: slow } }), "it is resumed");
answer(await api.POST("/v1/queues/{queue}/jobs", { params: { path: slow }, body: { type: "Mail" } }), "it gets a job");
const stored = answer(await api.POST("/v1/jobs", { body: { type: "Mail", delay: "1h" } }), "a job is stored");
const id = "id" in stored ? String(stored.id) : "";
const queues = answer(await api.GET("/v1/queues"), "the queues are listed");
expect(queues.queues.some((q) => q.delayed >= 1), "one job is delayed");
const waiting = answer(
  await api.GET("/v1/queues/{queue}/jobs", { params: { path: slow } }),
  "the jobs of a queue are listed",
);
expect(waiting.jobs.length === 1, "there is one");
const delayed = answer(await api.GET("/v1/jobs", { params: { query: { state: "delayed" } } }), "jobs are listed");
expect(delayed.jobs.length === 1, "one is delayed");
answer(await api.GET("/v1/jobs/{id}", { params: { path: { id } } }), "a job is shown");
answer(await api.DELETE("/v1/jobs/{id}", { params: { path: { id } } }), "a job is cancelled");
const exported = answer(await api.GET("/v1/jobs/export", { parseAs: "text" }), "jobs are exported");
expect(String(exported).split("\n").length === 2, "one a line");
const dead = ["one", "two", "three", "four"].map((name) =>
  JSON.stringify({
    queue: "slow",
    state: "dead",
    payload: JSON.stringify({ class: "Mail", args: [{}], id: name }),
    exception: "Error",
    error: "no paper",
    failed_at_ms: Date.now(),
  }),
);
const imported = answer(
  await api.POST("/v1/jobs/import", {
    body: dead.join("\n"),
    bodySerializer: (text) => text as string,
    headers: { "content-type": "application/x-ndjson" },
  }),
  "jobs are imported",
);
expect(imported.imported === 4, "all of them");
expect(answer(await api.GET("/v1/failed"), "the dead are listed").failed.length === 4, "all of them");
answer(await api.GET("/v1/failed/{id}", { params: { path: { id: "one" } } }), "one is shown");
answer(await api.POST("/v1/failed/{id}/requeue", { params: { path: { id: "one" } } }), "one is put back");
answer(await api.DELETE("/v1/failed/{id}", { params: { path: { id: "two" } } }), "one is removed");
const back = answer(await api.POST("/v1/failed/requeue", { body: { ids: ["three"] } }), "some are put back");
expect(back.requeued === 1, "one of them");
const gone = answer(await api.POST("/v1/failed/remove", { body: { all: true } }), "all are removed");
expect(gone.removed === 1, "the last one");
const history = answer(await api.GET("/v1/jobs/history"), "what the queue did is shown");
expect(history.done.length === history.ready.length, "a number for each step");
answer(await api.DELETE("/v1/queues/{queue}", { params: { path: slow } }), "a queue is removed");

// -- schedules
const daily = { name: "daily" };
answer(await api.POST("/v1/schedules", { body: { ...daily, cron: "@daily", type: "Mail" } }), "a schedule is added");
const put = answer(
  await api.PUT("/v1/schedules/{name}", { params: { path: daily }, body: { cron: "@hourly", type: "Mail" } }),
  "it is replaced",
);
expect((put.next_ms ?? 0) > Date.now(), "it has its next time");
answer(await api.GET("/v1/schedules/{name}", { params: { path: daily } }), "it is shown");
expect(answer(await api.GET("/v1/schedules"), "they are listed").schedules.length === 1, "there is one");
answer(await api.POST("/v1/schedules/{name}/run", { params: { path: daily } }), "it is run");
answer(await api.DELETE("/v1/schedules/{name}", { params: { path: daily } }), "it is removed");

// -- the configuration, and the manager itself
appendFileSync(config, '\n[service.later]\ncommand = ["sleep", "1000"]\n');
const plan = answer(await api.POST("/v1/config/plan", {}), "what would change is told");
expect(plan.changes.some((c) => c.name === "later" && c.action === "add"), "a service would be added");
expect(plan.errors.length === 0, "there is no mistake");
const applied = answer(
  await api.POST("/v1/config/apply", {
    params: { query: wait, header: { "If-Match": `"${plan.etag}"` } },
  }),
  "it is carried out",
);
expect(applied.complete, "as a whole");
const made = answer(await api.POST("/v1/tokens", { body: { name: "ts", role: "viewer" } }), "a token is made");
const looker = createClient<paths>({ baseUrl: url, headers: { authorization: `Bearer ${made.secret}` } });
answer(await looker.GET("/v1/services"), "who shows it may look");
expect((await looker.POST("/v1/daemon/reexec")).response.status === 403, "and no more");
expect(answer(await api.GET("/v1/tokens"), "they are listed").tokens[0]?.role === "viewer", "with their roles");
answer(await api.DELETE("/v1/tokens/{name}", { params: { path: { name: "ts" } } }), "it is revoked");
const signing = answer(await api.POST("/v1/sign-ins", { body: { role: "viewer" } }), "a link to sign in is made");
expect(signing.role === "viewer" && signing.url.startsWith(url), "with what it is good for");
const audit = answer(await api.GET("/v1/audit", { params: { query: { limit: 200 } } }), "who changed what is shown");
expect(audit.entries.some((e) => e.operation === "services.add"), "the added service is in it");
const before = answer(await api.GET("/v1/daemon"), "the manager tells about itself");
answer(await api.POST("/v1/daemon/reexec"), "it is executed anew");
const after = await eventually(async () => {
  const now = await api.GET("/v1/daemon");
  return now.data && now.data.run !== before.run ? now.data : undefined;
}, "the new one serves");
expect(after.pid === before.pid, "with the same pid");
answer(await api.GET("/v1/openapi.json"), "the document is served");

const document = JSON.parse(readFileSync("openapi.json", "utf8")) as { paths: Record<string, object> };
const missing = Object.entries(document.paths)
  .filter(([place]) => place.startsWith("/v1/"))
  .flatMap(([place, methods]) => Object.keys(methods).map((method) => `${method} ${place}`))
  .filter((operation) => !driven.has(operation));
expect(missing.length === 0, `every operation is driven, but: ${missing.join(", ")}`);
console.log(`the client drives the API: ${driven.size} operations`);
