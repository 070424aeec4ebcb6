// Keeps the page true. The manager's events say when something has happened; then the page is asked
// for again, and what differs is written into it. When the events stop, the page says since when.
import { morph } from "./morph.js";

const usually = 5000; // what no event tells of: memory, times, depths of queues
const shortest = 40; // between two questions
let stream = null;
let asking = false;
let askedAt = 0;
let took = 0;
let timer = 0;
let timerAt = Infinity;
let wants = false;
let heard = new Date();
let retry = 1000;
let generation = 0;
let over = false;

const said = document.getElementById("connection");

function localTimes() {
  const clock = new Intl.DateTimeFormat(undefined, { timeStyle: "medium" });
  const long = new Intl.DateTimeFormat(undefined, { dateStyle: "short", timeStyle: "medium" });
  for (const time of document.querySelectorAll("time[datetime]")) {
    const when = new Date(time.dateTime);
    if (Number.isNaN(when.getTime())) continue;
    const today = new Date().toDateString() === when.toDateString();
    const text = (today ? clock : long).format(when);
    if (time.textContent !== text) time.textContent = text;
  }
}

function fresh() {
  heard = new Date();
  if (said.classList.contains("stale")) {
    said.classList.remove("stale");
    said.textContent = "";
  }
}

function stale() {
  if (said.classList.contains("stale")) return;
  said.classList.add("stale");
  said.textContent = `stale since ${heard.toLocaleTimeString()}`;
}

export function refresh() {
  const pause = Math.max(shortest, 3 * took) - (performance.now() - askedAt);
  at(Math.max(0, pause));
}

function at(milliseconds) {
  const when = performance.now() + milliseconds;
  if (timer && timerAt <= when) return;
  clearTimeout(timer);
  timerAt = when;
  timer = setTimeout(() => {
    timer = 0;
    timerAt = Infinity;
    look();
  }, milliseconds);
}

async function look() {
  if (document.hidden || over) return;
  if (asking) {
    wants = true;
    return;
  }
  asking = true;
  wants = false;
  askedAt = performance.now();
  try {
    const response = await fetch(location.href, {
      headers: { Accept: "text/html" },
      signal: AbortSignal.timeout(6000),
    });
    if (response.status === 401) return location.reload();
    const text = await response.text();
    if (response.status === 404) return gone(text);
    if (response.ok) {
      show(text);
      fresh();
    } else {
      stale();
    }
  } catch {
    stale();
  } finally {
    asking = false;
    took = performance.now() - askedAt;
    at(usually);
    if (wants) refresh();
  }
}

function show(text) {
  const wanted = new DOMParser().parseFromString(text, "text/html");
  for (const time of wanted.querySelectorAll("time[datetime]")) {
    const known = document.getElementById(time.closest("[id]")?.id)?.querySelector("time");
    if (known?.dateTime === time.dateTime) time.textContent = known.textContent;
  }
  for (const part of document.querySelectorAll("[data-live]")) {
    const next = wanted.getElementById(part.id);
    if (next) morph(part, next);
  }
  localTimes();
}

// One reading of the stream, until it ends. Any event is a reason to look; a heartbeat comes every
// 15 seconds, so that one that fell silent is known.
async function listen(signal) {
  const response = await fetch(`/v1/events?type=${encodeURIComponent(document.body.dataset.events)}`, { signal });
  if (response.status === 401) return location.reload();
  if (!response.ok) return;
  retry = 1000;
  refresh();
  const reader = response.body.pipeThrough(new TextDecoderStream()).getReader();
  for (;;) {
    const silent = setTimeout(() => stream?.abort(), 40000);
    const { done, value } = await reader.read();
    clearTimeout(silent);
    if (done) return;
    if (value.includes("data:")) refresh();
  }
}

// What the page was about is not there any more: it says so, and follows nothing.
function gone(text) {
  const wanted = new DOMParser().parseFromString(text, "text/html");
  document.querySelector("main").replaceChildren(...document.importNode(wanted.querySelector("main"), true).childNodes);
  over = true;
  stream?.abort();
}

// One at a time: another one is begun when the page is shown again.
async function open() {
  const mine = ++generation;
  while (!document.hidden && !over && mine === generation) {
    stream = new AbortController();
    try {
      await listen(stream.signal);
    } catch {
      // It is opened anew.
    }
    if (document.hidden || over || mine !== generation) return;
    stale();
    await new Promise((resolve) => setTimeout(resolve, retry));
    retry = Math.min(2 * retry, 15000);
  }
}

export function follow() {
  localTimes();
  if (!document.querySelector("[data-live]")) return;
  open();
  at(usually);
  // A browser opens six connections to a server: a page that nobody sees needs none.
  document.addEventListener("visibilitychange", () => {
    stream?.abort();
    if (!document.hidden) open();
  });
  // What waited for the pointer to leave.
  document.addEventListener("pointerout", (event) => {
    const held = event.target.closest?.("[data-keyed], .actions");
    if (held && !held.contains(event.relatedTarget)) refresh();
  });
  document.addEventListener("focusout", (event) => {
    if (event.target.closest?.("[data-keyed], .actions")) refresh();
  });
}
