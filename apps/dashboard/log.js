// The last lines of a log, as they come. Reads on from what the server wrote into the page.
const most = 2000; // lines that the page keeps

export function followLog(place) {
  const filter = document.querySelector("[data-log-filter]");
  const pause = document.querySelector("[data-log-pause]");
  const state = document.querySelector("[data-log-state]");
  const stream = document.querySelector("[data-log-stream]");
  let lines = [];
  let paused = false;
  let source = null;
  let drawing = false;

  const atEnd = () => place.scrollHeight - place.scrollTop - place.clientHeight < 24;
  function draw() {
    drawing = false;
    const follow = atEnd();
    const wanted = filter.value.toLowerCase();
    const shown = wanted ? lines.filter((line) => line.toLowerCase().includes(wanted)) : lines;
    place.textContent = shown.join("\n");
    if (follow) place.scrollTop = place.scrollHeight;
    state.textContent = wanted ? `${shown.length} of ${lines.length} lines` : "";
  }
  function drawSoon() {
    if (drawing || paused) return;
    drawing = true;
    requestAnimationFrame(draw);
  }
  function open() {
    lines = [];
    const chosen = stream.value ? `&stream=${stream.value}` : "";
    source = new EventSource(`${place.dataset.log}?follow=1&lines=200${chosen}`);
    source.onmessage = (event) => {
      lines.push(event.data);
      if (lines.length > most) lines.splice(0, lines.length - most);
      drawSoon();
    };
    source.addEventListener("gap", () => {
      lines.push("— lines are missing here —");
      drawSoon();
    });
  }

  place.scrollTop = place.scrollHeight;
  pause.hidden = false;
  pause.addEventListener("click", () => {
    paused = !paused;
    pause.setAttribute("aria-pressed", String(paused));
    pause.textContent = paused ? "Go on" : "Pause";
    if (!paused) drawSoon();
  });
  filter.addEventListener("input", drawSoon);
  filter.closest("form").addEventListener("submit", (event) => {
    event.preventDefault();
    source?.close();
    open();
  });
  stream.addEventListener("change", () => {
    source?.close();
    open();
  });
  document.addEventListener("visibilitychange", () => {
    if (document.hidden) {
      source?.close();
      source = null;
    } else if (!source) {
      open();
    }
  });
  open();
}
