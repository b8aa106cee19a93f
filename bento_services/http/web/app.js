"use strict";
// The home page as a viewer sees it: asks the API for one viewer's rows, sends what the viewer does, asks again.

const $ = (id) => document.getElementById(id);
const VISIBLE_TRIES = 60; // of 100 ms: how long we wait for an event to reach the features before asking anyway
let viewer = "";
let page = null; // the first page of the feed, as last answered
let cursor = null; // gives what follows what is shown
let watched = new Map(); // video_id -> fraction, of the current viewer
const liked = new Set(); // video ids, of the current viewer since the page was opened
let opened = null; // the item in the player
let turn = 0; // answers that come back after the viewer changed are dropped

function make(tag, properties = {}, ...children) {
  const node = document.createElement(tag);
  for (const [name, value] of Object.entries(properties)) {
    if (name.startsWith("data-") || name.startsWith("aria-")) node.setAttribute(name, value);
    else node[name] = value;
  }
  node.append(...children.filter((child) => child !== null && child !== undefined));
  return node;
}

// --- the API ---------------------------------------------------------------------------------------------------------

class Refused extends Error {
  constructor(status, message) {
    super(message);
    this.status = status;
  }
}

async function ask(path, { body, as } = {}) {
  const headers = { "X-Context": encodeURIComponent(JSON.stringify(context())) };
  if (as) headers["X-User-Id"] = encodeURIComponent(as);
  if (body) headers["Content-Type"] = "application/json";
  const key = sessionStorage.getItem("key");
  if (key) headers.Authorization = `Bearer ${key}`;
  const reply = await fetch(path, { method: body ? "POST" : "GET", headers, body: body && JSON.stringify(body) });
  if (reply.status === 401) {
    await askForKey();
    return ask(path, { body, as });
  }
  const answer = await reply.json();
  if (!reply.ok) throw new Refused(reply.status, answer.error?.message ?? `HTTP ${reply.status}`);
  return answer;
}

function context() {
  const mobile = matchMedia("(max-width: 40rem)").matches;
  return { device: mobile ? "mobile" : "desktop", utc_offset_minutes: -new Date().getTimezoneOffset() };
}

function askForKey() {
  const dialog = $("key");
  if (!dialog.open) dialog.showModal();
  return new Promise((resolve) => {
    dialog.addEventListener("close", () => {
      sessionStorage.setItem("key", $("key-input").value);
      resolve();
    }, { once: true });
  });
}

// --- words to the viewer ---------------------------------------------------------------------------------------------

let toastTimer = 0;
function say(text) {
  $("toast").textContent = text;
  $("toast").classList.add("shown");
  clearTimeout(toastTimer);
  toastTimer = setTimeout(() => $("toast").classList.remove("shown"), 4000);
}

function complain(error) {
  $("notice").textContent = error instanceof Refused ? error.message : "Marquee does not answer. Trying again…";
  $("notice").hidden = false;
}

// --- what happens ----------------------------------------------------------------------------------------------------

function videosOf(answer) {
  return new Set(answer.rows.flatMap((row) => row.items.map((item) => item.video_id)));
}

async function load({ quietly = false } = {}) {
  const mine = ++turn;
  if (!quietly) drawWaiting();
  try {
    const before = quietly && page ? videosOf(page) : null;
    await drawPerson(mine); // first: the cards show how far each video was watched
    const answer = await ask("/api/v1/recommendations/home?limit=20&explain=true", { as: viewer });
    if (mine !== turn) return null;
    $("notice").hidden = true;
    page = answer;
    cursor = answer.cursor;
    $("more").hidden = !cursor;
    drawRows(answer, before);
    drawBehind(answer);
    const came = before ? [...videosOf(answer)].filter((video) => !before.has(video)).length : 0;
    return { came };
  } catch (error) {
    if (mine !== turn) return null;
    complain(error);
    if (!(error instanceof Refused) || error.status >= 500) setTimeout(() => mine === turn && load({ quietly }), 1500);
    return null;
  }
}

async function showMore() {
  const mine = turn;
  $("more").disabled = true;
  try {
    const answer = await ask(`/api/v1/recommendations/home?limit=24&explain=true&cursor=${encodeURIComponent(cursor)}`, { as: viewer });
    if (mine !== turn) return;
    cursor = answer.cursor;
    $("more").hidden = !cursor;
    if (answer.recommendations.length) {
      const title = document.querySelector("[data-row^='more']") ? "And more" : "More for you";
      const section = rowSection({ row_id: `more-${document.querySelectorAll(".row").length}`, title, reason: "" }, answer.recommendations, null, true);
      $("rows").append(section);
      section.querySelector(".card")?.focus({ preventScroll: true });
    }
  } catch (error) {
    complain(error);
  } finally {
    $("more").disabled = false;
  }
}

function open(item) {
  opened = item;
  $("player-screen").replaceChildren(thumbnail(item));
  $("player-title").textContent = item.title;
  $("player-facts").textContent = facts(item);
  $("player-reason").textContent = item.reason;
  $("amount").value = 100;
  drawAmount();
  drawLike();
  drawTrace(item);
  $("player").showModal();
  $("watch").focus();
  send([event(item, "click")]).catch(() => {}); // a lost click is no reason to disturb anybody
}

function drawAmount() {
  const percent = Number($("amount").value);
  $("amount-text").textContent = percent === 100 ? "all of it" : opened.duration > 0 ? `${spoken((opened.duration * percent) / 100)} of ${spoken(opened.duration)}` : `${percent} %`;
  $("watch").textContent = percent === 100 ? "▶ Watch to the end" : percent < 5 ? "▶ Peek and leave" : `▶ Watch ${percent} %`;
}

function drawLike() {
  const isLiked = liked.has(opened.video_id);
  $("like").setAttribute("aria-pressed", String(isLiked));
  $("like").lastChild.textContent = isLiked ? " Liked" : " Like";
}

function drawTrace(item) {
  const entries = [["found by", (item.sources?.length ? item.sources : [item.source]).join(", ")], ["score", item.score.toFixed(4)], ["shown with probability", String(item.propensity)]];
  for (const [name, value] of Object.entries(item.trace ?? {})) {
    const shown = value && typeof value === "object" ? Object.entries(value).slice(0, 40).map(([key, part]) => `${key} ${typeof part === "number" ? Number(part.toPrecision(4)) : JSON.stringify(part)}`).join(", ") : String(value);
    entries.push([name.replaceAll("_", " "), shown]);
  }
  $("trace-body").replaceChildren(...entries.flatMap(([name, value]) => [make("dt", { textContent: name }), make("dd", { textContent: value })]));
  $("trace").hidden = false;
  $("trace").open = false;
}

function event(item, kind, extra = {}) {
  return { event_id: crypto.randomUUID?.() ?? `web-${Date.now()}-${Math.random().toString(36).slice(2)}`, user_id: viewer, item_id: item.video_id, event: kind, position: item.position ?? -1, surface: item.row_id ?? "home", device: context().device, request_id: page?.request_id ?? "", ...extra };
}

function send(events) {
  return ask("/api/v1/events", { body: { events } });
}

async function watch() {
  const item = opened;
  const fraction = Number($("amount").value) / 100;
  $("player").close();
  const duration = item.duration > 0 ? item.duration : 0;
  const extra = duration ? { duration_sec: duration * fraction } : { duration_sec: 100 * fraction, total_duration: 100 };
  await tell(() => send([event(item, "watch", extra)]), fraction === 1 ? `Watched “${item.title}”` : fraction < 0.05 ? `Left “${item.title}”` : `Watched some of “${item.title}”`);
}

async function react(item, action) {
  if ($("player").open) $("player").close();
  const words = { like: "Liked", unlike: "Took back the like of", dislike: "Disliked", not_interested: "No more of" }[action];
  await tell(async () => {
    const answer = await ask("/api/v1/recommendations/feedback", { as: viewer, body: { video_id: item.video_id, action } });
    if (action === "like") liked.add(item.video_id);
    else liked.delete(item.video_id);
    return { event_ids: [answer.event_id] };
  }, `${words} “${item.title}”`);
}

// Tell the service, wait until its features know, ask for the page again.
async function tell(act, words) {
  const started = performance.now();
  say(`${words} …`);
  try {
    const receipt = await act();
    const known = await isVisible(receipt.event_ids.at(-1));
    const changed = await load({ quietly: true });
    const seconds = ((performance.now() - started) / 1000).toFixed(1);
    if (changed) say(known ? `${words} · ${changed.came} new ${changed.came === 1 ? "video" : "videos"} after ${seconds} s` : `${words} · it is in the log and takes effect soon`);
  } catch (error) {
    say(error instanceof Refused ? error.message : "That did not reach Marquee; try again");
  }
}

async function isVisible(eventId) {
  for (let tries = 0; tries < VISIBLE_TRIES; tries += 1) {
    const { visible } = await ask(`/api/v1/events/${encodeURIComponent(eventId)}`, { as: viewer });
    if (visible) return true;
    await new Promise((resolve) => setTimeout(resolve, 100));
  }
  return false;
}

function become(name, { remember = true } = {}) {
  viewer = name;
  page = null;
  watched = new Map();
  liked.clear();
  const select = $("viewer");
  if (![...select.options].some((option) => option.value === name)) select.append(make("option", { value: name, textContent: name }));
  select.value = name;
  if (remember) history.pushState({}, "", `?viewer=${encodeURIComponent(name)}`);
  scrollTo({ top: 0 });
  return load();
}

async function start() {
  const asked = new URLSearchParams(location.search).get("viewer");
  drawWaiting();
  let listed = { viewers: [], example_user: "" };
  try {
    listed = await ask("/api/v1/viewers?limit=30");
  } catch (error) {
    if (!(error instanceof Refused)) {
      complain(error);
      setTimeout(start, 1500);
      return;
    }
  }
  $("viewer").replaceChildren(...listed.viewers.map((name) => make("option", { value: name, textContent: name })));
  become(asked || listed.example_user || listed.viewers[0] || newcomer(), { remember: false });
}

function newcomer() {
  return `new-${Math.random().toString(36).slice(2, 8)}`;
}

document.addEventListener("keydown", steer);
addEventListener("popstate", () => become(new URLSearchParams(location.search).get("viewer") || $("viewer").options[0]?.value || newcomer(), { remember: false }));
$("who").addEventListener("submit", (event_) => event_.preventDefault());
$("viewer").addEventListener("change", () => become($("viewer").value));
$("somebody-new").addEventListener("click", () => become(newcomer()));
$("more").addEventListener("click", showMore);
$("amount").addEventListener("input", drawAmount);
$("watch").addEventListener("click", watch);
$("close").addEventListener("click", () => $("player").close());
$("player").addEventListener("click", (click) => click.target === $("player") && $("player").close());
for (const button of document.querySelectorAll(".react button")) button.addEventListener("click", () => react(opened, button.id === "like" && liked.has(opened.video_id) ? "unlike" : button.dataset.action));
start();
