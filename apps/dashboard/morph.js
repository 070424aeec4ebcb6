// Makes the page that is shown like the one that came, and touches nothing that is the same. Rows
// have ids. While the pointer or the keyboard is within a table, no row of it comes, goes or moves:
// what changed is written into the rows that are there, and the rest waits until they are left.

function sameAttributes(shown, wanted) {
  for (const { name, value } of wanted.attributes)
    if (shown.getAttribute(name) !== value) shown.setAttribute(name, value);
  // A button whose request is on its way is not enabled by what comes meanwhile.
  for (const { name } of [...shown.attributes])
    if (!wanted.hasAttribute(name) && !(name === "disabled" && shown.matches("button"))) shown.removeAttribute(name);
  // Once it was typed into, a field does not follow its attribute by itself.
  if (shown.matches("input") && shown !== document.activeElement && wanted.hasAttribute("value"))
    shown.value = wanted.getAttribute("value");
}

// What may become the other: a button of another verb is another button.
function alike(shown, wanted) {
  if (shown.nodeName !== wanted.nodeName) return false;
  if (shown.nodeType !== Node.ELEMENT_NODE) return true;
  return (shown.id || "") === (wanted.id || "") && shown.dataset?.verb === wanted.dataset?.verb &&
    shown.dataset?.api === wanted.dataset?.api;
}

function inUse(element) {
  return element.matches(":hover") || element.contains(document.activeElement);
}

function verbsIn(element) {
  return [...element.querySelectorAll("[data-verb]")].map((button) => button.dataset.verb).join(" ");
}

function morphRows(shown, wanted) {
  const held = inUse(shown);
  const before = new Map([...shown.children].map((row) => [row.id, row]));
  let place = shown.firstElementChild;
  let waiting = false;
  for (const row of [...wanted.children]) {
    const known = before.get(row.id);
    if (known) {
      before.delete(row.id);
      const state = known.querySelector(".state")?.textContent;
      known.classList.remove("changed", "gone");
      if (known.classList.length === 0) known.removeAttribute("class");
      morph(known, row);
      if (known.querySelector(".state")?.textContent !== state) known.classList.add("changed");
      if (held) continue;
      if (known === place) place = place.nextElementSibling;
      else shown.insertBefore(known, place);
    } else if (held) {
      waiting = true;
    } else {
      shown.insertBefore(document.importNode(row, true), place);
    }
  }
  for (const row of before.values())
    if (held) {
      row.classList.add("gone");
      waiting = true;
    } else {
      row.remove();
    }
  return waiting;
}

// True when something waits.
export function morph(shown, wanted) {
  if (shown.isEqualNode(wanted)) return false;
  if (shown === document.activeElement && shown.matches("input, textarea, select")) return false;
  // Of a row of buttons none comes or goes while one of them may be about to be pressed.
  if (shown.matches(".actions") && inUse(shown) && verbsIn(shown) !== verbsIn(wanted) && !("answered" in shown.dataset))
    return true;
  sameAttributes(shown, wanted);
  if (shown.matches("[data-keyed]")) return morphRows(shown, wanted);
  const olds = [...shown.childNodes];
  const news = [...wanted.childNodes];
  let waiting = false;
  news.forEach((next, i) => {
    const old = olds[i];
    if (!old) shown.append(document.importNode(next, true));
    else if (old.nodeType === Node.TEXT_NODE && next.nodeType === Node.TEXT_NODE) {
      if (old.data !== next.data) old.data = next.data;
    } else if (alike(old, next)) {
      if (old.nodeType === Node.ELEMENT_NODE) waiting = morph(old, next) || waiting;
    } else if (old.nodeType === Node.ELEMENT_NODE && inUse(old)) {
      waiting = true;
    } else {
      old.replaceWith(document.importNode(next, true));
    }
  });
  for (const old of olds.slice(news.length))
    if (old.nodeType === Node.ELEMENT_NODE && inUse(old)) waiting = true;
    else old.remove();
  return waiting;
}
