"use strict";
// The home page as a viewer sees it: asks the API for one viewer's rows, sends what the viewer does, asks again.

const $ = (id) => document.getElementById(id);
const VISIBLE_TRIES = 60; // of 100 ms: how long we wait for an event to reach the features before asking anyway
let viewer = "";
let page = null; // the first page of the feed, as last answered
let cursor = null; // gives what follows what is shown
let watched = new Map(); // video_id -> fraction, of the current viewer
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
  const headers = { "X-Context": JSON.stringify(context()) };
  if (as) headers["X-User-Id"] = as;
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

// --- drawing ---------------------------------------------------------------------------------------------------------

function hash(text) {
  let value = 2166136261;
  for (const character of text) value = Math.imul(value ^ character.codePointAt(0), 16777619);
  value ^= value >>> 15;
  return Math.imul(value, 2246822519) >>> 0;
}

// No pictures exist: colour comes from the genre, composition from the video.
function thumbnail(item) {
  const seed = hash(item.video_id + item.title);
  const hue = (hash((item.genres ?? [])[0] ?? item.channel) % 18) * 20;
  const second = (item.genres ?? [])[1];
  const thumb = make("span", { className: `thumb look${seed % 6}` },
    make("span", { className: "poster", textContent: item.title, "aria-hidden": "true" }),
    item.duration > 0 ? make("span", { className: "length", textContent: clock(item.duration) }) : null);
  thumb.style.setProperty("--hue", hue);
  thumb.style.setProperty("--hue2", second ? (hash(second) % 18) * 20 : (hue + 30 + (seed >> 4) % 50) % 360);
  thumb.style.setProperty("--turn", `${110 + (seed >> 8) % 80}deg`);
  thumb.style.setProperty("--x", `${20 + (seed >> 12) % 60}%`);
  const fraction = watched.get(item.video_id);
  if (fraction !== undefined && fraction < 0.95) {
    const bar = make("span", { className: "seen" });
    bar.style.setProperty("--seen", `${Math.round(fraction * 100)}%`);
    thumb.append(bar);
  }
  return thumb;
}

function clock(seconds) {
  const minutes = Math.floor(seconds / 60);
  if (minutes >= 60) return `${Math.floor(minutes / 60)}:${String(minutes % 60).padStart(2, "0")}:${String(Math.floor(seconds % 60)).padStart(2, "0")}`;
  return `${minutes}:${String(Math.floor(seconds % 60)).padStart(2, "0")}`;
}

function spoken(seconds) {
  if (seconds < 60) return `${Math.round(seconds)} s`;
  if (seconds < 3600) return `${Math.round(seconds / 60)} min`;
  return `${Math.floor(seconds / 3600)} h ${Math.round((seconds % 3600) / 60)} min`;
}

function card(item, isFresh, rowReason) {
  const reason = item.reason && item.reason !== rowReason ? item.reason : "";
  const face = make("button", { type: "button", className: isFresh ? "card fresh" : "card", "data-video": item.video_id, "aria-label": [item.title, reason].filter(Boolean).join(". ") },
    thumbnail(item),
    make("span", { className: "under" },
      make("small", { textContent: [item.channel, (item.genres ?? []).slice(0, 2).join(", ")].filter(Boolean).join(" · ") }),
      reason ? make("span", { className: "reason", textContent: reason }) : null));
  face.addEventListener("click", () => open(item));
  return make("li", {}, face);
}

function rowSection(row, items, before, grid) {
  const cards = make("ul", { className: "cards" }, ...items.map((item) => card(item, before && !before.has(item.video_id), row.reason)));
  const title = make("h2", { textContent: row.title, id: `row-${row.row_id}` });
  const section = make("section", { className: grid ? "row grid" : "row", "aria-labelledby": title.id, "data-row": row.row_id },
    make("header", {}, title, row.reason && row.reason !== row.title ? make("p", { textContent: row.reason }) : null), cards);
  if (!grid) addSteps(section, cards, row.title);
  return section;
}

function addSteps(section, cards, title) {
  const step = (name, sign, label) => {
    const button = make("button", { type: "button", className: `step ${name}`, textContent: name === "on" ? "›" : "‹", "aria-label": `${label} in ${title}`, tabIndex: -1 });
    button.addEventListener("click", () => cards.scrollBy({ left: sign * cards.clientWidth * 0.8 }));
    return button;
  };
  const back = step("back", -1, "Earlier");
  const on = step("on", 1, "Further");
  const update = () => {
    back.disabled = cards.scrollLeft < 8;
    on.disabled = cards.scrollLeft + cards.clientWidth > cards.scrollWidth - 8;
  };
  cards.addEventListener("scroll", update, { passive: true });
  new ResizeObserver(update).observe(cards);
  section.append(back, on);
}

// In a row left and right, between rows up and down.
function steer(event) {
  const at = document.activeElement?.closest?.(".card");
  const move = { ArrowLeft: [0, -1], ArrowRight: [0, 1], ArrowUp: [-1, 0], ArrowDown: [1, 0] }[event.key];
  if (!at || !move || event.altKey || event.ctrlKey || event.metaKey) return;
  const rows = [...document.querySelectorAll(".row")].map((row) => [...row.querySelectorAll(".card")]);
  const row = rows.findIndex((cards) => cards.includes(at));
  const next = move[0] ? rows[row + move[0]]?.[Math.min(rows[row].indexOf(at), (rows[row + move[0]] ?? []).length - 1)] : rows[row][rows[row].indexOf(at) + move[1]];
  if (!next) return;
  event.preventDefault();
  next.focus({ preventScroll: true });
  next.scrollIntoView({ block: "nearest", inline: "nearest" });
}

function drawHero(item) {
  const hero = $("hero");
  hero.hidden = !item;
  if (!item) return;
  const play = make("button", { type: "button", className: "primary", textContent: "▶ Watch" , "data-video": item.video_id });
  play.addEventListener("click", () => open(item));
  const no = make("button", { type: "button", className: "second", textContent: "Not interested" });
  no.addEventListener("click", () => react(item, "not_interested"));
  const backdrop = thumbnail(item);
  if (backdrop.classList.replace("look4", "look3")) backdrop.style.setProperty("--x", "30%"); // dots do not bear enlarging
  hero.replaceChildren(backdrop, make("div", { className: "hero-text" },
    make("p", { className: "kicker", textContent: item.reason }),
    make("h2", { textContent: item.title }),
    make("p", { className: "facts", textContent: facts(item) }),
    make("div", { className: "buttons" }, play, no)));
}

function facts(item) {
  const published = item.published_at ? new Date(item.published_at) : null;
  return [item.channel, (item.genres ?? []).join(", "), item.duration > 0 ? spoken(item.duration) : "",
    published && !Number.isNaN(published.valueOf()) && published.getUTCFullYear() > 1970 ? published.toLocaleDateString(undefined, { year: "numeric", month: "short", day: "numeric" }) : "",
    item.view_count > 0 ? `${item.view_count.toLocaleString()} views` : ""].filter(Boolean).join(" · ");
}

function drawRows(answer, before) {
  const picks = answer.rows.find((row) => row.row_id === "top_picks") ?? answer.rows.find((row) => row.row_id !== "continue_watching") ?? answer.rows[0];
  const featured = picks?.items[0];
  drawHero(featured);
  const sections = answer.rows
    .map((row) => [row, row.items.filter((item) => item !== featured)])
    .filter(([, items]) => items.length)
    .map(([row, items]) => rowSection(row, items, before, false));
  if (!sections.length && !featured) sections.push(make("p", { className: "notice", textContent: "There is nothing left to show this viewer." }));
  $("rows").replaceChildren(...sections);
  $("rows").setAttribute("aria-busy", "false");
  $("rows").classList.remove("waiting");
}

function drawBehind(answer) {
  const stages = Object.entries(answer.stage_ms);
  const total = stages.reduce((sum, [, ms]) => sum + ms, 0);
  $("behind-line").textContent = `— ${answer.served_by} · ${total.toFixed(1)} ms · ${answer.candidates} candidates · release ${answer.release_id}`;
  const most = Math.max(...stages.map(([, ms]) => ms), 0.001);
  const grid = make("div", { className: "stages" });
  for (const [name, ms] of stages) {
    const bar = make("i");
    bar.style.setProperty("--part", `${(100 * ms) / most}%`);
    grid.append(make("span", { textContent: name }), make("span", {}, bar), make("span", { textContent: `${ms.toFixed(2)} ms` }));
  }
  const relaxed = (answer.certificate?.relaxed ?? []).map((rule) => (typeof rule === "string" ? rule : JSON.stringify(rule)));
  const words = [`request ${answer.request_id}`, relaxed.length ? `relaxed: ${relaxed.join(", ")}` : "every cap of the policy is kept", ...answer.warnings];
  $("behind-body").replaceChildren(grid, ...words.map((line) => make("p", { textContent: line })));
}

async function drawPerson(mine) {
  let known;
  try {
    known = await ask(`/api/v1/viewers/${encodeURIComponent(viewer)}`);
  } catch {
    $("person").hidden = true; // the page does not depend on it
    return;
  }
  if (mine !== turn) return;
  watched = new Map(known.history.map((entry) => [entry.video_id, entry.watch_fraction]));
  const words = known.known || known.watch_count
    ? [make("strong", { textContent: viewer }), `${known.watch_count} watched`, ...(known.genres.length ? ["drawn to", ...known.genres.slice(0, 4).map((genre) => make("span", { className: "chip", textContent: genre.name }))] : []),
      ...(known.history.length ? [make("span", { className: "late", textContent: "last watched" }), ...known.history.slice(0, 2).map((entry) => make("span", { className: "chip late", textContent: entry.title }))] : [])]
    : [make("strong", { textContent: viewer }), "nobody has met this viewer yet: watch something, and the page learns"];
  $("person").replaceChildren(...words.map((word) => (typeof word === "string" ? make("span", { textContent: word }) : word)));
  $("person").hidden = false;
}

function drawWaiting() {
  const blank = () => make("li", {}, make("span", { className: "card" }, make("span", { className: "thumb" })));
  $("hero").hidden = true;
  $("rows").classList.add("waiting");
  $("rows").setAttribute("aria-busy", "true");
  $("rows").replaceChildren(...[1, 2].map(() => make("section", { className: "row" }, make("ul", { className: "cards" }, ...[1, 2, 3, 4, 5, 6].map(blank)))));
}

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
  const words = { like: "Liked", dislike: "Disliked", not_interested: "No more of" }[action];
  await tell(async () => {
    const answer = await ask("/api/v1/recommendations/feedback", { as: viewer, body: { video_id: item.video_id, action } });
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
    const { visible } = await ask(`/api/v1/events/${encodeURIComponent(eventId)}`);
    if (visible) return true;
    await new Promise((resolve) => setTimeout(resolve, 100));
  }
  return false;
}

function become(name, { remember = true } = {}) {
  viewer = name;
  page = null;
  watched = new Map();
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
for (const button of document.querySelectorAll(".react button")) button.addEventListener("click", () => react(opened, button.dataset.action));
start();
