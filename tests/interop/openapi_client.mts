// openapi_client.mts URL TOKEN: a client of the types that openapi-typescript makes of the document.
import createClient from "openapi-fetch";
import type { paths } from "./api.js";

const [url, token] = process.argv.slice(2) as [string, string];
const api = createClient<paths>({ baseUrl: url, headers: { authorization: `Bearer ${token}` } });

function expect(holds: boolean, what: string): void {
  if (holds) return;
  console.error(`does not hold: ${what}`);
  process.exit(1);
}

const added = await api.POST("/v1/services", { body: { name: "typed", type: "tool", tags: ["ts"] } });
expect(added.data?.name === "typed", "a service is added");
const path = { name: "typed" };
const started = await api.POST("/v1/services/{name}/start", { params: { path, query: { wait: "10s" } } });
expect(started.data?.ready === true, "it is ready");
const scaled = await api.POST("/v1/services/{name}/scale", {
  params: { path, query: { wait: "10s" } },
  body: { instances: 2 },
});
expect(scaled.data?.instances?.ready === 2, "it has two instances");
const listing = await api.GET("/v1/services", { params: { query: { state: "RUNNING" } } });
expect(listing.data?.services.some((s) => s.name === "typed") === true, "it is listed");
const gathered = await api.POST("/v1/commands/{command}", {
  params: { path: { command: "pid" }, query: { select: "tag:ts", timeout: "2s" } },
});
expect(gathered.data?.complete === true, "all have answered");
expect(Object.keys(gathered.data?.results ?? {}).length === 2, "both instances have answered");
const unknown = await api.GET("/v1/services/{name}", { params: { path: { name: "nobody" } } });
expect(unknown.error?.code === "unknown_service", "an error has its code");
const job = await api.POST("/v1/jobs", { body: { type: "Noop", delay: "1h" } });
expect(job.data !== undefined && "id" in job.data, "a job is stored");
const queues = await api.GET("/v1/queues");
expect(queues.data?.queues.some((q) => q.delayed >= 1) === true, "it is delayed");
const put = await api.PUT("/v1/schedules/{name}", {
  params: { path: { name: "typed" } },
  body: { cron: "@daily", type: "Noop" },
});
expect((put.data?.next_ms ?? 0) > Date.now(), "a schedule has its next time");
await api.DELETE("/v1/schedules/{name}", { params: { path: { name: "typed" } } });
const removed = await api.DELETE("/v1/services/{name}", { params: { path, query: { wait: "20s" } } });
expect(removed.response.status === 200, "it is removed");
console.log("the client drives the API");
