// Nodes, what is said to the viewer, and where the focus is.

export const $ = (id) => document.getElementById(id);

export function make(tag, properties = {}, ...children) {
  const node = document.createElement(tag);
  for (const [name, value] of Object.entries(properties)) {
    if (value === undefined || value === null) continue;
    if (name.includes("-") || name === "role" || name === "for") node.setAttribute(name, value);
    else node[name] = value;
  }
  node.append(...children.flat().filter((child) => child !== null && child !== undefined && child !== ""));
  return node;
}

// For screen readers alone: what sighted people see happen.
export function announce(text) {
  $("said").textContent = "";
  setTimeout(() => ($("said").textContent = text), 50); // a change, also where the text is the same
}

// --- one line at the bottom of the page, with a way back ------------------------------------------------------------

const SHOWN_MS = 6_000;
const UNDOABLE_MS = 20_000; // time to find the button with a keyboard
let fading = 0;

export function say(text, undo) {
  $("toast-text").textContent = text;
  $("undo").hidden = !undo;
  $("undo").onclick = undo ? () => { hush(); undo(); } : null;
  $("toast").classList.add("shown");
  fade(undo ? UNDOABLE_MS : SHOWN_MS);
}

// The same line with other words: its button stays.
export function sayOn(text) {
  $("toast-text").textContent = text;
}

export function hush() {
  if ($("toast").contains(document.activeElement)) $("title").focus({ preventScroll: true });
  $("toast").classList.remove("shown");
  $("undo").hidden = true;
}

function fade(after) {
  clearTimeout(fading);
  fading = setTimeout(() => ($("toast").matches(":hover, :focus-within") ? fade(after) : hush()), after);
}

// --- focus -----------------------------------------------------------------------------------------------------------

// The videos of a row, or of all of `root`; the featured one is a row of its own.
function cardsOf(row, root) {
  return row?.matches("[data-video]") ? [row] : [...(row ?? root).querySelectorAll("[data-video]")];
}

// Which video and which of its controls has the focus; null: none within `root`.
export function heldFocus(root) {
  const at = document.activeElement;
  const card = root.contains(at) ? at.closest("[data-video]") : null;
  if (!card) return null;
  const row = card.closest("[data-row]");
  return { row: row?.dataset.row, video: card.dataset.video, part: at.dataset.part, place: cardsOf(row, root).indexOf(card) };
}

// Drawing anew replaces the control that had the focus: it goes to the same one, or to what is at its place now.
export function focusAgain(root, held) {
  if (!held) return;
  const row = held.row ? root.querySelector(`[data-row="${CSS.escape(held.row)}"]`) : null;
  const among = cardsOf(row, root);
  const same = among.find((card) => card.dataset.video === held.video);
  const card = same ?? among[Math.min(Math.max(held.place, 0), among.length - 1)];
  const part = card?.querySelector(`[data-part="${held.part}"]`) ?? card?.querySelector("a, button");
  (part ?? $("title")).focus({ preventScroll: true });
}
