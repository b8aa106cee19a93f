"use strict";
// How the page is drawn: functions only, which app.js calls. `page`, `viewer`, `opened` and the like are app.js's.

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

function card(item, isFresh, reason) {
  const face = make("button", { type: "button", className: isFresh ? "card fresh" : "card", "data-video": item.video_id, "aria-label": [item.title, reason].filter(Boolean).join(". ") },
    thumbnail(item),
    make("span", { className: "under" },
      make("small", { textContent: [item.channel, (item.genres ?? []).slice(0, 2).join(", ")].filter(Boolean).join(" · ") }),
      reason ? make("span", { className: "reason", textContent: reason }) : null));
  face.addEventListener("click", () => open(item));
  return make("li", {}, face);
}

// Why this card: nothing where the row's head says it, or where all cards of the row would say the same.
function reasonsUnder(row, items) {
  const isSaid = new Set([row.title, row.reason]);
  const isOne = items.length > 1 && new Set(items.map((item) => item.reason)).size === 1;
  return items.map((item) => (isOne || isSaid.has(item.reason) ? "" : item.reason));
}

function rowSection(row, items, before, grid) {
  const reasons = reasonsUnder(row, items);
  const cards = make("ul", { className: "cards" }, ...items.map((item, at) => card(item, before && !before.has(item.video_id), reasons[at])));
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

// Drawing anew replaces the control that has the focus: it goes to the same one, or to what is at its place now.
function focused() {
  const at = document.activeElement;
  if ($("player").open || !at?.closest("#hero, #rows")) return null;
  const row = at.closest(".row");
  const among = row ? [...row.querySelectorAll(".card")] : [...$("hero").querySelectorAll("button")];
  return { row: row?.dataset.row, video: at.dataset.video, place: among.indexOf(at) };
}

function focusAgain(held) {
  if (!held) return;
  const row = held.row && document.querySelector(`[data-row="${CSS.escape(held.row)}"]`);
  const among = [...(row || (held.row ? $("rows") : $("hero"))).querySelectorAll(row || held.row ? ".card" : "button")];
  const same = held.row && [...(row || $("rows")).querySelectorAll(".card")].find((one) => one.dataset.video === held.video);
  (same || among[Math.min(Math.max(held.place, 0), among.length - 1)] || $("viewer")).focus({ preventScroll: true });
}

function drawRows(answer, before) {
  const held = focused();
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
  focusAgain(held);
}

function drawBehind(answer) {
  const stages = Object.entries(answer.stage_ms);
  const total = stages.reduce((sum, [, ms]) => sum + ms, 0);
  $("behind-line").textContent = `— ${answer.served_by}${answer.speed === "page_cache" ? `, made ${Math.round(answer.age_seconds)} s ago` : ""} · ${total.toFixed(1)} ms · ${answer.candidates} candidates · release ${answer.release_id}`;
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
