// Buttons: what they ask for stands in their data, what destroys is confirmed first.
import { ask } from "./ask.js";
import { refresh } from "./live.js";

const outcome = document.getElementById("outcome");
let hide = 0;

export function tell(text, failed = false) {
  outcome.textContent = text;
  outcome.classList.toggle("failed", failed);
  outcome.hidden = false;
  clearTimeout(hide);
  if (!failed) hide = setTimeout(() => (outcome.hidden = true), 4000);
}

function confirmed(question, yes) {
  const dialog = document.getElementById("confirm");
  document.getElementById("confirm-question").textContent = question;
  document.getElementById("confirm-yes").textContent = yes;
  dialog.returnValue = "";
  dialog.showModal();
  return new Promise((resolve) =>
    dialog.addEventListener("close", () => resolve(dialog.returnValue === "yes"), { once: true }));
}

// What buttons ask for, below the address of what they are about. Those with a question are confirmed first.
const verbs = {
  start: { path: "/start" },
  restart: { path: "/restart", question: (name) => `Restart ${name}?`, yes: "Restart" },
  stop: { path: "/stop", question: (name) => `Stop ${name}? It stays stopped until it is started.`, yes: "Stop" },
  reload: { path: "/reload" },
  reset: { path: "/reset" },
  remove: { method: "DELETE", then: "/ui/services", yes: "Remove",
    question: (name) => `Remove ${name}? It is stopped, and its logs go with it after a while.` },
  pause: { path: "/pause" },
  resume: { path: "/resume" },
  pause_all: { path: "/pause", yes: "Pause all", question: () => "Pause all queues? No job is begun until they are resumed." },
  resume_all: { path: "/resume" },
  cancel: { method: "DELETE", question: (name) => `Cancel the job ${name}?`, yes: "Cancel the job" },
  requeue: { path: "/requeue" },
  forget: { method: "DELETE", question: (name) => `Remove the failed job ${name} for good?`, yes: "Remove" },
  requeue_all: { path: "/requeue", body: filtered, yes: "Requeue them",
    question: () => `Put ${found()} back into their queues?` },
  forget_all: { path: "/remove", body: filtered, yes: "Remove them",
    question: () => `Remove ${found()} for good?` },
  run: { path: "/run", question: (name) => `Put the job of ${name} into its queue now?`, yes: "Run it now" },
  revoke: { method: "DELETE", question: (name) => `Revoke ${name}? Who shows it is let in no more.`, yes: "Revoke" },
};

async function carryOut(button) {
  const { api, name } = button.closest("[data-api]").dataset;
  const { method = "POST", path = "", body, question, yes, then } = verbs[button.dataset.verb];
  if (question && !(await confirmed(question(name), yes))) return;
  const label = button.textContent.trim();
  button.disabled = true;
  try {
    await ask(method, api + path, body?.());
    tell(`${label}: done`);
    if (then) location.assign(then);
  } catch (error) {
    tell(`${label}: ${error.message}`, true);
  } finally {
    button.disabled = false;
    button.blur();
    button.closest(".actions")?.setAttribute("data-answered", "");
    refresh();
  }
}

// What the page was asked for, whatever has been typed since: all that it finds, not those of this page alone.
function filter() {
  const asked = new URLSearchParams(location.search);
  return ["queue", "type", "text"].filter((name) => asked.get(name)).map((name) => [name, asked.get(name)]);
}

function filtered() {
  const given = filter();
  return JSON.stringify(given.length > 0 ? Object.fromEntries(given) : { all: true });
}

function found() {
  const given = filter();
  if (given.length === 0) return "ALL failed jobs of all queues";
  return `all failed jobs with ${given.map(([name, value]) => `${name} ${value}`).join(", ")}`;
}

async function scale(input) {
  const before = input.dataset.scale;
  if (input.value === before || !input.checkValidity()) return;
  const wanted = Number(input.value);
  if (wanted < Number(before) && !(await confirmed(`Scale from ${before} to ${wanted}?`, "Scale"))) {
    input.value = before;
    return;
  }
  try {
    await ask("POST", `${input.closest("[data-api]").dataset.api}/scale`, JSON.stringify({ instances: wanted }));
    input.dataset.scale = String(wanted);
    tell(`scaled to ${wanted}`);
  } catch (error) {
    input.value = before;
    tell(error.message, true);
  }
  refresh();
}

function text(tag, content, into) {
  const element = document.createElement(tag);
  element.textContent = content;
  into.append(element);
  return element;
}

async function comparePlan(button) {
  const place = document.getElementById("plan");
  place.hidden = false;
  place.replaceChildren();
  try {
    const { answer } = await ask("POST", "/v1/config/plan", "{}");
    const mine = answer.changes.filter((change) => change.name === button.dataset.plan && (change.action !== "keep" || change.by_hand?.length));
    for (const mistake of answer.errors) text("p", `${mistake.key}: ${mistake.detail}`, place).className = "problem";
    if (mine.length === 0) text("p", "It is as the file has it.", place);
    for (const change of mine) {
      text("p", change.action === "keep" ? "Changed by hand, and the file keeps it so:" : `The file would ${change.action} it:`, place);
      const list = text("ul", "", place);
      for (const field of change.fields ?? [])
        text("li", `${field.field}: ${JSON.stringify(field.before)} → ${JSON.stringify(field.after)}`, list);
      for (const field of change.by_hand ?? [])
        text("li", `${field.field}: changed by hand from ${JSON.stringify(field.before)} to ${JSON.stringify(field.after)}`, list);
    }
  } catch (error) {
    text("p", error.message, place);
  }
}

export function act() {
  document.addEventListener("click", (event) => {
    const button = event.target.closest("button");
    if (!button) return;
    if (button.dataset.verb) carryOut(button);
    else if (button.dataset.plan) comparePlan(button);
    else if ("signOut" in button.dataset)
      fetch("/ui/sign-out", { method: "POST" }).then(() => location.assign("/ui"), () => location.assign("/ui"));
  });
  document.addEventListener("change", (event) => {
    if (event.target.matches("[data-scale]")) scale(event.target);
  });
}
