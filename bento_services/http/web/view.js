// The frame of every view: one main heading, what is said above the content, the content.
import { isPassing } from "./api.js";
import { $, announce, make } from "./dom.js";
import { state } from "./state.js";
import { failure, isLower, rungWords } from "./words.js";

const AGAIN_MS = [1_500, 3_000, 6_000, 10_000];

// `kind`: how the viewer came here: "go" by a link, "back", "start", "type" in the search box, "again" by itself.
export function openView(name, title, kind, ...body) {
  const view = $("view");
  const isSame = view.dataset.view === name && (kind === "type" || kind === "again");
  view.dataset.view = name;
  entitle(title);
  if (!isSame) {
    $("lead").replaceChildren();
    $("body").replaceChildren(...body.flat());
    $("behind").hidden = true;
  }
  $("notices").replaceChildren();
  view.setAttribute("aria-busy", "true");
  if (kind === "go") {
    scrollTo({ top: 0, behavior: "instant" });
    $("title").focus({ preventScroll: true });
  }
}

export function entitle(title) {
  $("title").textContent = title;
  document.title = `${title} · Marquee`;
}

export function fill(...body) {
  $("body").replaceChildren(...body.flat().filter(Boolean));
  ready();
}

export function ready() {
  $("view").setAttribute("aria-busy", "false");
}

// --- what is not as it should be -------------------------------------------------------------------------------------

let tries = 0;
let timer = 0;

export function calm() {
  clearTimeout(timer);
  tries = 0;
}

export function stopWaiting() {
  clearTimeout(timer);
}

// Why there is nothing, and what to do; what may pass is tried again by itself.
export function drawFailure(error, again) {
  const told = failure(error);
  const passes = isPassing(error);
  const act = () => {
    stopWaiting();
    again();
  };
  const links = [passes ? make("button", { type: "button", className: "quiet", textContent: "Try again now", onclick: act }) : null, make("a", { className: "quiet", href: `/?viewer=${encodeURIComponent(state.viewer)}`, textContent: "Go home" })];
  $("notices").replaceChildren(make("section", { className: "notice bad", role: "alert", "data-notice": "failure" }, make("h2", { textContent: told.title }), make("p", { textContent: told.text }), make("p", { className: "buttons" }, links)));
  $("body").querySelectorAll(".waiting").forEach((row) => row.remove());
  ready();
  if (!passes) return;
  const wait = Math.max(AGAIN_MS[Math.min(tries, AGAIN_MS.length - 1)], 1_000 * (error.retryAfterSeconds ?? 0));
  tries += 1;
  clearTimeout(timer);
  timer = setTimeout(again, wait);
}

// The service answered from a lower rung: says so, and asks again a few times.
export function drawRung(answer, again) {
  stopWaiting();
  const lower = isLower(answer.served_by);
  const was = $("notices").querySelector("[data-notice]")?.dataset.notice;
  if (!lower) {
    calm();
    $("notices").replaceChildren();
    if (was === "rung") announce("This page is made for this viewer again.");
    if (was === "failure") announce("Marquee answers again.");
    return;
  }
  const doAgain = () => {
    stopWaiting();
    again();
  };
  const isNew = was !== "rung";
  const note = make("section", { className: "notice", "data-notice": "rung", "aria-label": "About this page" }, make("p", { textContent: rungWords(answer.served_by) }), make("button", { type: "button", className: "quiet", textContent: "Load again", onclick: doAgain }));
  const hadFocus = $("notices").contains(document.activeElement);
  $("notices").replaceChildren(note);
  if (hadFocus) note.querySelector("button").focus();
  if (isNew) announce(rungWords(answer.served_by));
  if (tries < AGAIN_MS.length) timer = setTimeout(again, AGAIN_MS[tries++]);
}
