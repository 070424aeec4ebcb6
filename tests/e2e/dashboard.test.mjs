// The dashboard as people meet it: in a browser, by a keyboard, on a phone, without scripts, and from pages of others.
import { test, before, after } from "node:test";
import assert from "node:assert/strict";
import { createServer } from "node:http";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { chromium } from "playwright-core";
import { Manager, until, patience } from "./manager.mjs";

const axe = readFileSync(new URL(import.meta.resolve("axe-core")), "utf8");
const pages = ["/ui", "/ui/services", "/ui/commands", "/ui/queues", "/ui/failed", "/ui/schedules", "/ui/events", "/ui/audit", "/ui/manager"];
const few = `
[queue]
[service.web]
command = ["sh", "-c", "while :; do echo tick; sleep 0.2; done"]
instances = 2
[service.worker]
command = ["sleep", "1000"]
[service.broken]
command = ["sh", "-c", "echo no database >&2; exit 3"]
restart = "never"
[schedule.nightly]
cron = "0 3 * * *"
type = "Report"
queue = "reports"
`;

let browser, none, some, many, program;
const contexts = [];

before(async () => {
  browser = await chromium.launch({ executablePath: process.env.CHROMIUM, args: ["--no-sandbox"] });
  [none, some, program] = await Promise.all([Manager.start(""), Manager.start(few), Manager.start(null)]);
  const lots = Array.from({ length: 1000 }, (_, i) =>
    `[service.s${i}]\ncommand = ["sleep", "1000"]\nautostart = ${i < 3}\n`).join("");
  many = await Manager.start(lots);
  await until("they run", async () =>
    (await some.ask("GET", "/v1/services/web")).ready && (await program.ask("GET", "/v1/services/a")).ready &&
    (await many.ask("GET", "/v1/services/s2")).ready);
}, { timeout: 2 * patience });

after(async () => {
  await browser?.close();
  await Promise.all([none, some, many, program].map((m) => m?.stop()));
});

/** A page of a browser of its own that has signed in; what it complains of fails the test. */
async function signedIn(t, manager, { role, ...options } = {}) {
  const context = await browser.newContext(options);
  contexts.push(context);
  t.after(() => context.close());
  const page = await context.newPage();
  page.setDefaultTimeout(patience);
  page.complaints = [];
  page.on("console", (said) => said.type() === "error" && page.complaints.push(said.text()));
  page.on("pageerror", (error) => page.complaints.push(String(error)));
  await page.goto(await manager.link(role));
  await page.getByRole("button", { name: "Sign in" }).click();
  await page.waitForURL(`${manager.url}/ui`);
  return page;
}

async function violations(page) {
  // The policy of the pages lets no script of others in: axe comes by the debugger.
  await page.evaluate(axe);
  const { violations: found } = await page.evaluate(() => globalThis.axe.run());
  return found.map(({ id, nodes }) => `${id}: ${nodes.map((node) => node.html.slice(0, 120)).join(" | ")}`);
}

test("a link signs in once, and looking at it does not use it up", async (t) => {
  const url = await some.link();
  assert.equal((await fetch(url)).status, 200);
  const page = await (await browser.newContext()).newPage();
  t.after(() => page.context().close());
  await page.goto(`${some.url}/ui/services?state=RUNNING`);
  await page.getByLabel("Token").waitFor();
  await page.goto(url);
  await page.getByRole("button", { name: "Sign in" }).click();
  await page.waitForURL(`${some.url}/ui`);
  const [cookie] = await page.context().cookies();
  assert.equal(cookie.name, `sm_session_${new URL(some.url).port}`);
  assert.ok(cookie.httpOnly);
  assert.equal(cookie.sameSite, "Strict");

  const other = await (await browser.newContext()).newPage();
  t.after(() => other.context().close());
  await other.goto(url);
  await other.getByRole("button", { name: "Sign in" }).click();
  await other.getByText("This link has been used").waitFor();
});

test("a token signs in, to the page that was asked for", async (t) => {
  const { secret } = await some.ask("POST", "/v1/tokens", { name: "looks", role: "viewer" });
  const page = await (await browser.newContext()).newPage();
  t.after(() => page.context().close());
  await page.goto(`${some.url}/ui/services?state=RUNNING`);
  await page.getByLabel("Token").fill("wrong");
  await page.getByRole("button", { name: "Sign in" }).click();
  await page.getByText("the token is not valid").waitFor();
  await page.getByLabel("Token").fill(secret);
  await page.getByRole("button", { name: "Sign in" }).click();
  await page.waitForURL(`${some.url}/ui/services?state=RUNNING`);
  assert.equal(await page.getByRole("button", { name: "Stop" }).count(), 0, "a viewer looks");
  assert.equal((await page.request.post(`${some.url}/v1/services/web/stop`)).status(), 403);
  await some.ask("DELETE", "/v1/tokens/looks");
  await page.goto(`${some.url}/ui`);
  await page.getByText("The session is over").waitFor();
});

test("signing out ends the session", async (t) => {
  const page = await signedIn(t, some);
  const { tokens: before } = await some.ask("GET", "/v1/tokens");
  await page.getByRole("button", { name: "Sign out" }).click();
  await page.getByLabel("Token").waitFor();
  const { tokens: after } = await some.ask("GET", "/v1/tokens");
  assert.equal(after.length, before.length - 1);
});

test("every screen is read, by axe too, with 0, 3 and 1,000 services", { timeout: 5 * patience }, async (t) => {
  for (const [name, manager, more] of [
    ["none", none, []],
    ["some", some, ["/ui/services/web", "/ui/services/broken"]],
    ["program", program, ["/ui/services/a"]],
    ["many", many, ["/ui/services/s7"]]]) {
    const page = await signedIn(t, manager);
    for (const path of [...pages, ...more]) {
      const answer = await page.goto(manager.url + path);
      const gone = answer.status() >= 400;
      // A program without a queue has none to be shown.
      if (gone) assert.match(path, /queues|failed|schedules|jobs/, `${name} ${path}: ${answer.status()}`);
      // A thousand rows take axe a minute.
      if (manager !== many) assert.deepEqual(await violations(page), [], `${name} ${path}`);
      assert.ok((await page.title()).length > 3);
    }
    assert.deepEqual(page.complaints.filter((text) => !text.includes("status of 4")), [], name);
  }
});

test("in the dark, and on a phone, nothing is lost", { timeout: 3 * patience }, async (t) => {
  const page = await signedIn(t, some, { colorScheme: "dark", viewport: { width: 360, height: 740 }, hasTouch: true });
  for (const path of [...pages, "/ui/services/web"]) {
    await page.goto(some.url + path);
    assert.deepEqual(await violations(page), [], path);
    const wide = await page.evaluate(() => document.documentElement.scrollWidth - document.documentElement.clientWidth);
    assert.ok(wide <= 0, `${path} is ${wide} pixels too wide`);
  }
});

test("without scripts it can be read", async (t) => {
  const context = await browser.newContext({ javaScriptEnabled: false });
  t.after(() => context.close());
  const page = await context.newPage();
  await page.goto(await some.link());
  await page.getByRole("button", { name: "Sign in" }).click();
  await page.goto(`${some.url}/ui/services`);
  await page.getByRole("link", { name: "broken" }).click();
  await page.getByText("exit code 3").first().waitFor();
  await page.getByText("no database").first().waitFor();
});

/** Watches for the first moment at which `seen` (in the page) holds; its Date.now(). */
function momentOf(page, seen) {
  return page.evaluate((source) => new Promise((resolve) => {
    const holds = new Function(`return (${source})`)();
    const look = () => holds() && (resolve(Date.now()), true);
    if (!look()) {
      const watch = new MutationObserver(() => look() && watch.disconnect());
      watch.observe(document.body, { subtree: true, childList: true, characterData: true, attributes: true });
    }
  }), seen.toString());
}

for (const [name, manager] of [["three", () => some], ["a thousand", () => many]])
  test(`a kill -9 is seen live among ${name} services`, async (t) => {
    const service = manager() === some ? "worker" : "s1";
    const page = await signedIn(t, manager());
    const followed = page.waitForResponse((answer) => answer.url().includes("/v1/events"));
    await page.goto(`${manager().url}/ui/services`);
    await followed;
    const row = page.locator(`#service-${service}`);
    const pid = Number(await row.locator("td.number").nth(1).textContent());
    const times = [];
    let last = pid;
    for (let i = 0; i < 5; i += 1) {
      // The refresh that the opening of the stream asks for has been made.
      await page.evaluate(() => new Promise((resolve) => requestIdleCallback(resolve)));
      const seen = momentOf(page, `() => {
        const cells = document.querySelector("#service-${service}").children;
        return cells[0].textContent !== "RUNNING" || cells[3].textContent !== "${last}";
      }`);
      const at = Date.now();
      process.kill(last, "SIGKILL");
      times.push((await seen) - at);
      await row.getByText("RUNNING", { exact: true }).waitFor();
      last = (await manager().ask("GET", `/v1/services/${service}`)).instance_list[0].pid;
      await row.getByText(String(last), { exact: true }).waitFor();
    }
    t.diagnostic(`from the kill until it is shown: ${times.join(", ")} ms`);
    assert.deepEqual(page.complaints, []);
  });

test("what destroys is confirmed first", async (t) => {
  const page = await signedIn(t, some);
  await page.goto(`${some.url}/ui/services`);
  const row = page.locator("#service-worker");
  await row.getByRole("button", { name: "Stop" }).click();
  await page.getByRole("dialog").getByRole("button", { name: "Cancel" }).click();
  assert.equal((await some.ask("GET", "/v1/services/worker")).desired, "running");
  await row.getByRole("button", { name: "Stop" }).click();
  await page.getByRole("dialog").getByRole("button", { name: "Stop" }).click();
  await row.getByText("STOPPED").waitFor();
  await row.getByRole("button", { name: "Start" }).click();
  await row.getByText("RUNNING").waitFor();
});

test("nothing moves under the pointer", async (t) => {
  const page = await signedIn(t, some);
  await some.ask("POST", "/v1/services", { name: "aaa", command: ["sleep", "1000"] });
  await page.goto(`${some.url}/ui/services`);
  const row = page.locator("#service-web");
  await row.hover();
  const before = await row.boundingBox();
  await some.ask("DELETE", "/v1/services/aaa?wait=20s");
  await some.ask("POST", "/v1/services", { name: "aab", command: ["sleep", "1000"] });
  await page.locator("#service-aaa.gone").waitFor();
  assert.equal((await row.boundingBox()).y, before.y);
  assert.equal(await page.locator("#service-aab").count(), 0, "it waits");
  await page.mouse.move(1, 1);
  await page.locator("#service-aab").waitFor();
  await page.locator("#service-aaa").waitFor({ state: "detached" });
  await some.ask("DELETE", "/v1/services/aab");
});

test("it says when it is stale, and when it is not any more", async (t) => {
  const mine = await Manager.start("[service.x]\ncommand = [\"sleep\", \"1000\"]\n");
  t.after(() => mine.stop());
  const page = await signedIn(t, mine);
  await page.goto(`${mine.url}/ui/services`);
  await page.locator("#service-x").getByText("RUNNING").waitFor();
  mine.process.kill("SIGSTOP");
  await page.getByText("stale since").waitFor();
  mine.process.kill("SIGCONT");
  await page.getByText("stale since").waitFor({ state: "detached" });
});

test("a log goes on, is filtered and paused", async (t) => {
  const page = await signedIn(t, some);
  await page.goto(`${some.url}/ui/services/web`);
  const log = page.locator("#log");
  const lines = async () => (await log.textContent()).split("\n").length;
  const first = await lines();
  await until("more lines", async () => (await lines()) > first + 2);
  await page.getByLabel("Lines with").fill("web:1");
  await until("those of web:1 alone", async () => !(await log.textContent()).includes("web:0"));
  await page.getByLabel("Lines with").fill("");
  await page.getByRole("button", { name: "Pause" }).click();
  const held = await log.textContent();
  await until("another line was written", async () =>
    (await some.ask("GET", "/v1/services/web/logs?lines=1")).trim() !== held.trim().split("\n").at(-1));
  assert.equal(await log.textContent(), held);
});

test("commands are sent, and a gather fills its grid", async (t) => {
  const page = await signedIn(t, program);
  await page.goto(`${program.url}/ui/services/a`);
  await page.getByRole("combobox", { name: "Command" }).fill("add");
  await page.getByLabel("Arguments").fill('{"x": 2, "y": 40}');
  await page.getByRole("button", { name: "Send" }).click();
  await page.locator("output").getByText("42").waitFor();
  await page.getByLabel("Arguments").fill('{"x": 2}');
  await page.getByRole("button", { name: "Send" }).click();
  await page.locator("output").getByText("y").waitFor();

  await page.goto(`${program.url}/ui/commands?command=name`);
  await page.getByRole("button", { name: "Ask" }).click();
  await page.getByText("2 of 2 answered", { exact: true }).waitFor();
  await page.locator(".answer").getByText("b/b:0").waitFor();
  await page.getByRole("textbox", { name: "Command" }).fill("never");
  await page.getByLabel("Timeout").fill("300ms");
  await page.getByRole("button", { name: "Ask" }).click();
  await page.getByText("0 of 2 answered, 2 failed; not all").waitFor();
  assert.equal(await page.locator(".answer.failed").count(), 2);
});

test("by the keyboard one comes to the content, and to the filter", async (t) => {
  const page = await signedIn(t, some);
  await page.goto(`${some.url}/ui/services`);
  await page.keyboard.press("Tab");
  assert.equal(await page.evaluate(() => document.activeElement.textContent), "Skip to the content");
  await page.keyboard.press("/");
  await page.keyboard.type("wor");
  await page.keyboard.press("Enter");
  await page.waitForURL(/q=wor/);
  await page.locator("#service-worker").waitFor();
  assert.equal(await page.locator("#services tbody tr").count(), 1);
});

test("an instance more or fewer is a number away", async (t) => {
  const page = await signedIn(t, some);
  await page.goto(`${some.url}/ui/services/web`);
  await page.getByRole("spinbutton", { name: "Instances" }).fill("3");
  await page.getByRole("spinbutton", { name: "Instances" }).press("Enter");
  await page.locator("#instances tbody tr").nth(2).waitFor();
  await page.getByRole("spinbutton", { name: "Instances" }).fill("2");
  await page.getByRole("spinbutton", { name: "Instances" }).blur();
  await page.getByRole("dialog").getByRole("button", { name: "Scale" }).click();
  await page.mouse.move(1, 1);
  await until("two are left", async () => (await page.locator("#instances tbody tr").count()) === 2);
});

test("removing failed jobs removes those that are shown, whatever has been typed since", async (t) => {
  const page = await signedIn(t, some);
  await page.goto(`${some.url}/ui/failed?queue=mail`);
  await page.getByLabel("Queue").fill("");
  const asked = page.waitForRequest((rq) => rq.url().endsWith("/v1/failed/remove"));
  await page.getByRole("button", { name: "Remove all of these" }).click();
  await page.getByText("Remove all failed jobs with queue mail for good?").waitFor();
  await page.getByRole("dialog").getByRole("button", { name: "Remove them" }).click();
  assert.deepEqual((await asked).postDataJSON(), { queue: "mail" });
});

test("a button goes on working while the page changes around it", async (t) => {
  const page = await signedIn(t, some);
  await some.ask("POST", "/v1/services", { name: "once", command: ["sleep", "1000"], restart: "never" });
  await some.ask("POST", "/v1/services/once/start?wait=20s");
  t.after(() => some.ask("DELETE", "/v1/services/once"));
  await page.goto(`${some.url}/ui/services/once`);
  await page.getByRole("button", { name: "Restart" }).hover();
  process.kill((await some.ask("GET", "/v1/services/once")).instance_list[0].pid, "SIGKILL");
  await page.locator("#head .state").getByText("EXITED").waitFor();
  await page.locator("#head .why").getByText("SIGKILL").waitFor();
  await page.getByRole("button", { name: "Restart" }).click();
  await page.getByRole("dialog").getByRole("button", { name: "Restart" }).click();
  await page.locator("#head .state").getByText("RUNNING").waitFor();
  assert.deepEqual(page.complaints, []);
});

test("a number that somebody else changed is shown, if nobody types there", async (t) => {
  const page = await signedIn(t, some);
  await page.goto(`${some.url}/ui/services/web`);
  const field = page.getByRole("spinbutton", { name: "Instances" });
  await field.fill("3");
  await field.press("Enter");
  await page.locator("#instances tbody tr").nth(2).waitFor();
  await field.blur();
  await some.ask("POST", "/v1/services/web/scale?wait=30s", { instances: 2 });
  await until("it is shown", async () => (await field.inputValue()) === "2");
});

test("what is gone is said to be gone, not stale", async (t) => {
  const page = await signedIn(t, some);
  await some.ask("POST", "/v1/services", { name: "short", command: ["sleep", "1000"] });
  await page.goto(`${some.url}/ui/services/short`);
  await page.getByRole("heading", { name: "short" }).waitFor();
  await some.ask("DELETE", "/v1/services/short?wait=20s");
  await page.getByRole("heading", { name: "Not Found" }).waitFor();
  assert.equal(await page.getByText("stale since").count(), 0);
});

test("tabs that come and go while nothing answers open one stream", async (t) => {
  const page = await signedIn(t, some);
  let away = true;
  let opened = 0;
  await page.route("**/v1/events*", (route) => {
    if (away) return route.abort();
    opened += 1;
    return route.continue();
  });
  await page.goto(`${some.url}/ui/services`);
  await page.evaluate(async () => {
    let hidden = false;
    Object.defineProperty(document, "hidden", { get: () => hidden });
    for (let i = 0; i < 14; i += 1) {
      hidden = !hidden;
      document.dispatchEvent(new Event("visibilitychange"));
      await new Promise((resolve) => setTimeout(resolve, 20));
    }
  });
  away = false;
  await until("a stream is open", () => opened > 0);
  await until("the retries of all others would have come", () =>
    page.evaluate(() => (globalThis.firstAsked ??= performance.now()) + 3000 < performance.now()));
  assert.equal(opened, 1);
});

test("another stream of a log is that one alone, and a filter works while it is paused", async (t) => {
  const page = await signedIn(t, some);
  await page.goto(`${some.url}/ui/services/web`);
  const log = page.locator("#log");
  await until("lines", async () => (await log.textContent()).includes("tick"));
  await page.getByRole("button", { name: "Pause" }).click();
  await page.getByLabel("Lines with").fill("nothing has this");
  await until("none fits", async () => (await log.textContent()) === "");
  await page.getByLabel("Lines with").fill("");
  await page.getByLabel("Printed to").selectOption("stderr");
  await until("nothing was printed there", async () => (await log.textContent()) === "");
});

test("pages of other origins get nothing done, whoever has signed in", async (t) => {
  const page = await signedIn(t, some);
  const { pid } = (await some.ask("GET", "/v1/services/worker")).instance_list[0];
  const evil = createServer((rq, answer) => {
    answer.setHeader("Content-Type", "text/html");
    answer.end("<!doctype html><title>other</title><p>other");
  });
  await new Promise((resolve) => evil.listen(0, "127.0.0.1", resolve));
  t.after(() => evil.close());
  const port = evil.address().port;
  // Another port of the same host is of the same site, and its pages' requests bring the cookie along.
  for (const origin of [`http://127.0.0.1:${port}`, `http://localhost:${port}`]) {
    const other = await page.context().newPage();
    await other.goto(origin);
    const outcome = await other.evaluate(async (url) => {
      const tries = [];
      for (const options of [
        { method: "POST", mode: "no-cors", credentials: "include" },
        { method: "POST", mode: "no-cors", credentials: "include", body: new URLSearchParams({ a: "b" }) },
        { method: "POST", mode: "cors", credentials: "include", headers: { "Content-Type": "application/json" }, body: "{}" },
        { method: "GET", mode: "cors", credentials: "include" }])
        tries.push(await fetch(`${url}/v1/services/worker/stop`, options).then((r) => r.type, () => "refused"));
      return tries;
    }, some.url);
    t.diagnostic(`${origin}: ${outcome.join(", ")}`);
    await other.setContent(`<form method="post" action="${some.url}/v1/services/worker/stop"><button>go</button></form>`);
    await other.getByRole("button").click();
    await other.waitForLoadState();
    await other.goto(origin);
    const framed = await other.evaluate((url) => new Promise((resolve) => {
      const frame = document.createElement("iframe");
      frame.src = `${url}/ui`;
      frame.onload = () => resolve(frame.contentDocument === null);
      document.body.append(frame);
    }), some.url);
    assert.ok(framed, "the frame holds an error page of the browser");
    await other.close();
  }
  const after = await some.ask("GET", "/v1/services/worker");
  assert.equal(after.desired, "running");
  assert.equal(after.instance_list[0].pid, pid);
});

test("a name of DNS that points here is not served", async () => {
  const { status } = await fetch(`${some.url}/ui`, { headers: { Host: "rebound.example" } }).catch(() => ({ status: 0 }));
  // fetch sets Host itself; a browser would send the name that it was told.
  const raw = await new Promise((resolve, reject) => {
    import("node:http").then(({ request }) => {
      const rq = request(`${some.url}/ui`, { headers: { Host: "rebound.example" } }, (answer) => {
        answer.resume();
        resolve(answer.statusCode);
      });
      rq.on("error", reject);
      rq.end();
    });
  });
  assert.equal(raw, 421);
  assert.ok([421, 401].includes(status));
});

test("a link on a page of others leads to where one is signed in", async (t) => {
  const page = await signedIn(t, some);
  const other = createServer((rq, answer) => {
    answer.setHeader("Content-Type", "text/html");
    answer.end(`<!doctype html><title>wiki</title><a href="${some.url}/ui/services/web">web</a>`);
  });
  await new Promise((resolve) => other.listen(0, "127.0.0.1", resolve));
  t.after(() => other.close());
  await page.goto(`http://localhost:${other.address().port}`);
  await page.getByRole("link").click();
  await page.getByRole("heading", { name: "web" }).waitFor();
});

test("a thousand services are there soon", async (t) => {
  const page = await signedIn(t, many);
  for (const [query, rows] of [["", 100], ["?limit=1000", 1000]]) {
    const first = [], interactive = [];
    for (let i = 0; i < 5; i += 1) {
      await page.goto(`${many.url}/ui/services${query}`);
      const { byte, ready } = await page.evaluate(() => {
        const [entry] = performance.getEntriesByType("navigation");
        return { byte: entry.responseStart - entry.requestStart, ready: entry.domInteractive };
      });
      first.push(Math.round(byte));
      interactive.push(Math.round(ready));
    }
    assert.equal(await page.locator("#services tbody tr").count(), rows);
    await page.getByText(rows < 1000 ? "100 of 1,000 services" : "1,000 services").waitFor();
    t.diagnostic(`${rows} rows: first byte ${first.join(", ")} ms; interactive ${interactive.join(", ")} ms`);
  }
});

test("screenshots for the documentation", { skip: !process.env.SCREENSHOTS }, async (t) => {
  const page = await signedIn(t, some, { viewport: { width: 1200, height: 760 } });
  for (const [name, path] of [["overview", "/ui"], ["services", "/ui/services"], ["service", "/ui/services/web"]]) {
    await page.goto(some.url + path);
    await page.screenshot({ path: join(process.env.SCREENSHOTS, `dashboard-${name}.png`) });
  }
});
