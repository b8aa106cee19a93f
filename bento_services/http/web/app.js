// The page of this service: the address says which view of it, and for whom.
import { ask } from "./api.js";
import { skeleton, steer } from "./cards.js";
import { clicked, itemAt } from "./clicks.js";
import { $, announce, focusAgain, make } from "./dom.js";
import { go, keepPlace, onGo } from "./go.js";
import { home } from "./home.js";
import { browse, list } from "./lists.js";
import { player } from "./player.js";
import { listenToBox, search } from "./search.js";
import { address, become, state } from "./state.js";
import { video } from "./video.js";
import { calm, drawFailure, openView } from "./view.js";
import { welcome } from "./welcome.js";
import { explain } from "./why.js";

const VIEWS = { watch: player, video, q: search, browse, list, welcome };

async function show(kind, focus = "") {
  state.leave?.();
  state.leave = state.escape = state.refresh = null;
  const turn = ++state.turn;
  const params = new URLSearchParams(location.search);
  const viewer = params.get("viewer") || state.viewer || (await somebody());
  if (turn !== state.turn) return;
  if (viewer !== state.viewer) change(viewer);
  markPlaces(params);
  if (kind !== "again") calm();
  const named = Object.keys(VIEWS).find((name) => params.has(name));
  if (kind !== "type") $("q").value = params.get("q") ?? "";
  try {
    await (named ? VIEWS[named] : home)(params, turn, kind);
  } catch (error) {
    if (turn === state.turn) drawFailure(error, () => turn === state.turn && show("again"));
    return;
  }
  if (turn !== state.turn) return;
  if (focus) $(focus)?.focus({ preventScroll: true });
  if (kind === "back") comeBack();
}

// Coming back, everything is where it was left.
function comeBack() {
  const place = history.state ?? {};
  if (place.held) focusAgain($("body"), place.held);
  else $("title").focus({ preventScroll: true });
  scrollTo({ top: place.top ?? 0, behavior: "instant" });
}

function markPlaces(params) {
  const here = params.has("browse") ? "browse" : params.get("list") ?? ([...params.keys()].some((name) => name !== "viewer") ? "" : "home");
  for (const link of document.querySelectorAll("#places a")) {
    const place = link.dataset.place;
    link.href = address(place === "home" ? {} : place === "browse" ? { browse: "" } : { list: place });
    if (place === here) link.setAttribute("aria-current", "page");
    else link.removeAttribute("aria-current");
  }
  $("logo").href = address();
}

// --- who looks -------------------------------------------------------------------------------------------------------

function change(viewer) {
  become(viewer);
  const select = $("viewer");
  if (![...select.options].some((option) => option.value === viewer)) select.append(make("option", { value: viewer, textContent: viewer }));
  select.value = viewer;
}

// A viewer where the address names none: the world's example, else somebody who is nobody yet.
async function somebody() {
  const listed = await viewers();
  return listed.example_user || listed.viewers[0] || (localStorage.getItem("viewer") ?? newcomer());
}

let asked = null;

function viewers() {
  asked ??= ask("/api/v1/viewers?limit=30", { as: "" }).then((listed) => {
    $("viewer").replaceChildren(...listed.viewers.map((name) => make("option", { value: name, textContent: name })));
    if (state.viewer) change(state.viewer);
    return listed;
  }, () => {
    asked = null; // a key for pages may not list viewers, and a service that is away is asked again
    return { viewers: [], example_user: "" };
  });
  return asked;
}

function newcomer() {
  const name = `new-${Math.random().toString(36).slice(2, 8)}`;
  localStorage.setItem("viewer", name);
  return name;
}

// The same view, as another viewer sees it.
function lookAs(viewer) {
  const params = new URLSearchParams(location.search);
  params.set("viewer", viewer);
  if (params.has("watch")) params.set("video", params.get("watch"));
  params.delete("watch");
  announce(`Watching as ${viewer}`);
  return go(`/?${params}`, { kind: "again" });
}

// --- what happens ----------------------------------------------------------------------------------------------------

function follow(event) {
  const link = event.target.closest?.("a[href]");
  if (!link || event.defaultPrevented || event.button || event.metaKey || event.ctrlKey || event.shiftKey || event.altKey) return;
  const to = new URL(link.href);
  if (to.origin !== location.origin || to.pathname !== "/") return;
  event.preventDefault();
  if (to.hash) return void $(to.hash.slice(1))?.focus(); // within the view
  clicked(link);
  go(to.pathname + to.search, { play: to.searchParams.has("watch") });
}

function onKey(event) {
  if (event.key === "Escape" && !document.querySelector("dialog[open]")) state.escape?.();
  else steer(event);
}

history.scrollRestoration = "manual";
onGo(show);
openView("home", "Marquee", "start", skeleton());
document.addEventListener("click", follow);
document.addEventListener("click", (event) => {
  const button = event.target.closest?.("button.why");
  if (button) explain(itemAt(button));
});
document.addEventListener("keydown", onKey);
addEventListener("popstate", () => show("back"));
addEventListener("pagehide", () => {
  keepPlace();
  state.leave?.();
});
$("who").addEventListener("submit", (event) => event.preventDefault());
$("viewer").addEventListener("change", () => lookAs($("viewer").value));
$("somebody-new").addEventListener("click", () => go(`/?${new URLSearchParams({ viewer: newcomer(), welcome: "" })}`));
for (const button of document.querySelectorAll("dialog .close")) button.addEventListener("click", () => button.closest("dialog").close());
for (const dialog of document.querySelectorAll("dialog.light")) dialog.addEventListener("click", (event) => event.target === dialog && dialog.close());
listenToBox();
viewers();
show("start");
