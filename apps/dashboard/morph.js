// Makes the page that is shown like the one that came, and touches nothing that is the same. Rows
// have ids. While the pointer or the keyboard is within a table, no row of it comes, goes or moves:
// what changed is written into the rows that are there, and the rest waits until they are left.

function sameAttributes(shown, wanted) {
  for (const { name, value } of wanted.attributes)
    if (shown.getAttribute(name) !== value) shown.setAttribute(name, value);
  for (const { name } of [...shown.attributes])
    if (!wanted.hasAttribute(name) && name !== "class") shown.removeAttribute(name);
  if (!wanted.hasAttribute("class") && shown.classList.length > 0) shown.removeAttribute("class");
}

function inUse(element) {
  return element.matches(":hover") || element.contains(document.activeElement);
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
    } else if (old.nodeName === next.nodeName && (old.id || "") === (next.id || "")) {
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
