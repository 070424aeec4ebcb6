// The last lines of a log, as they come. Lines are put behind what is there, so that what somebody selects in it stays.
const most = 2000; // lines that the page keeps

export function followLog(place) {
  const filter = document.querySelector("[data-log-filter]");
  const pause = document.querySelector("[data-log-pause]");
  const state = document.querySelector("[data-log-state]");
  const stream = document.querySelector("[data-log-stream]");
  let lines = []; // all that came
  let fresh = []; // those of them that are not shown yet
  let paused = false;
  let source = null;
  let drawing = false;
  let wanted = "";

  const fits = (line) => !wanted || line.toLowerCase().includes(wanted);
  const node = (line) => document.createTextNode(`${line}\n`);
  const atEnd = () => place.scrollHeight - place.scrollTop - place.clientHeight < 24;
  function count() {
    state.textContent = wanted ? `${place.childNodes.length} of ${lines.length} lines` : "";
  }
  function add() {
    drawing = false;
    if (paused) return;
    const follow = atEnd();
    place.append(...fresh.splice(0).filter(fits).map(node));
    while (place.childNodes.length > most) place.firstChild.remove();
    if (follow) place.scrollTop = place.scrollHeight;
    count();
  }
  function redraw() {
    const shown = paused ? lines.slice(0, lines.length - fresh.length) : lines;
    if (!paused) fresh = [];
    place.replaceChildren(...shown.filter(fits).map(node));
    place.scrollTop = place.scrollHeight;
    count();
  }
  function put(line) {
    lines.push(line);
    fresh.push(line);
    if (lines.length > most) lines.splice(0, lines.length - most);
    if (fresh.length > most) fresh.splice(0, fresh.length - most);
    if (drawing || paused) return;
    drawing = true;
    requestAnimationFrame(add);
  }
  function open() {
    source?.close();
    lines = [];
    fresh = [];
    redraw();
    const chosen = stream.value ? `&stream=${stream.value}` : "";
    source = new EventSource(`${place.dataset.log}?follow=1&lines=200${chosen}`);
    source.onmessage = (event) => put(event.data);
    source.addEventListener("gap", () => put("— lines are missing here —"));
  }

  pause.hidden = false;
  pause.addEventListener("click", () => {
    paused = !paused;
    pause.setAttribute("aria-pressed", String(paused));
    pause.textContent = paused ? "Go on" : "Pause";
    if (!paused) add();
  });
  filter.addEventListener("input", () => {
    wanted = filter.value.toLowerCase();
    redraw();
  });
  filter.closest("form").addEventListener("submit", (event) => event.preventDefault());
  stream.addEventListener("change", () => {
    if (paused) pause.click();
    open();
  });
  // A page that nobody sees needs no connection; one that is paused keeps what it has.
  document.addEventListener("visibilitychange", () => {
    if (document.hidden && !paused) source.close();
    else if (!document.hidden && !paused && source.readyState === EventSource.CLOSED) open();
  });
  open();
}
