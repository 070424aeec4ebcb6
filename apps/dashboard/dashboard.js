// What pages do beside being read: they follow the manager's events, and ask for what buttons say.
import { follow } from "./live.js";
import { act } from "./actions.js";
import { followLog } from "./log.js";
import { gather, command } from "./commands.js";

const log = document.querySelector("[data-log]");
const gathering = document.querySelector("[data-gather]");
const commanding = document.querySelector("[data-command]");

follow();
act();
if (log) followLog(log);
if (gathering) gather(gathering);
if (commanding) command(commanding);

document.addEventListener("keydown", (event) => {
  const typing = event.target.closest("input, textarea, select");
  if (event.key !== "/" || typing || event.ctrlKey || event.metaKey || event.altKey) return;
  const filter = document.querySelector("[data-filter], [data-log-filter]");
  if (!filter) return;
  event.preventDefault();
  filter.focus();
  filter.select();
});
