// Commands to one service, and gathers as a grid that fills as answers come.
import { ask, Refused } from "./ask.js";

function fields(form) {
  const data = Object.fromEntries(new FormData(form));
  const body = data.arguments.trim() || "null";
  JSON.parse(body); // says where it is none
  const query = new URLSearchParams();
  if (data.timeout) query.set("timeout", data.timeout);
  if (data.select) query.set("select", data.select);
  return { name: encodeURIComponent(data.command.trim()), body, query };
}

function pretty(value) {
  return typeof value === "string" ? value : JSON.stringify(value, null, 2);
}

export function command(form) {
  const output = form.querySelector("output");
  form.addEventListener("submit", async (event) => {
    event.preventDefault();
    output.textContent = "…";
    try {
      const { name, body, query } = fields(form);
      const { answer } = await ask("POST", `${form.dataset.command}${name}?${query}`, body);
      output.textContent = pretty(answer.result);
    } catch (error) {
      output.textContent = error.message;
    }
  });
}

function card(name, kind, head, value) {
  const place = document.createElement("section");
  place.className = `answer ${kind}`;
  const title = document.createElement("a");
  title.href = `/ui/services/${encodeURIComponent(name.split(":")[0])}`;
  title.textContent = name;
  const note = document.createElement("span");
  note.textContent = ` ${head}`;
  place.append(title, note);
  if (value !== undefined) {
    const text = document.createElement("pre");
    text.textContent = pretty(value);
    place.append(text);
  }
  return place;
}

// Calls `heard(kind, data)` for each of the stream's events (WHATWG HTML 9.2).
async function events(response, heard) {
  const reader = response.body.pipeThrough(new TextDecoderStream()).getReader();
  let text = "";
  for (;;) {
    const { done, value } = await reader.read();
    if (done) return;
    text += value;
    const parts = text.split("\n\n");
    text = parts.pop();
    for (const part of parts) {
      const lines = part.split("\n");
      const of = (name) => lines.filter((line) => line.startsWith(`${name}: `)).map((line) => line.slice(name.length + 2));
      const data = of("data");
      if (data.length > 0) heard(of("event")[0] ?? "message", JSON.parse(data.join("\n")));
    }
  }
}

export function gather(form) {
  const grid = document.getElementById("gathered");
  const count = document.querySelector("[data-gather-count]");
  form.addEventListener("submit", async (event) => {
    event.preventDefault();
    const button = form.querySelector("button");
    const places = new Map();
    let answered = 0;
    let failed = 0;
    let ended = false;
    const tell = (rest) => {
      count.textContent = `${answered} of ${places.size} answered${failed ? `, ${failed} failed` : ""}${rest}`;
    };
    const heard = (kind, data) => {
      if (kind === "targets") {
        for (const name of data) places.set(name, card(name, "waits", "…"));
        grid.replaceChildren(...places.values());
      } else if (kind === "answer") {
        const { name, answer } = data;
        const place = answer.ok
          ? card(name, "", `${(answer.us / 1000).toFixed(1)} ms`, answer.result)
          : card(name, "failed", answer.error.code, answer.error.detail);
        places.get(name).replaceWith(place);
        answered += answer.ok ? 1 : 0;
        failed += answer.ok ? 0 : 1;
      }
      ended = kind === "end";
      tell(ended ? (data.complete ? "" : "; not all") : " …");
    };
    grid.replaceChildren();
    button.disabled = true;
    count.textContent = "asking";
    try {
      const { name, body, query } = fields(form);
      query.set("stream", "1");
      const response = await fetch(`/v1/commands/${name}?${query}`, {
        method: "POST",
        headers: { "Content-Type": "application/json" },
        body,
      });
      if (!response.ok) throw new Refused(response.status, await response.json());
      await events(response, heard);
      if (!ended) tell("; cut off");
    } catch (error) {
      count.textContent = error.message;
    } finally {
      button.disabled = false;
    }
  });
}
