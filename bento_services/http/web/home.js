// The home page: rows that are made for one viewer.
import { ask, part, pathOf, settled } from "./api.js";
import { gridSection, rowSection, skeleton, thumbnail } from "./cards.js";
import { $, announce, focusAgain, heldFocus, make } from "./dom.js";
import { drawBehind } from "./behind.js";
import { react } from "./reactions.js";
import { address, itemOf, state } from "./state.js";
import { fill, drawRung, openView } from "./view.js";
import { clickable } from "./clicks.js";
import { facts } from "./words.js";

const HOME = "/api/v1/recommendations/home";
// Rows that are lists of their own.
const LISTS = { trending: "trending", new_releases: "new", popular_in_area: "area", continue_watching: "continue_watching", because_you_watched: "because" };

export async function home(_, turn, kind) {
  openView("home", `For ${state.viewer}`, kind, skeleton());
  await settled(); // what was just watched is known to the page that is asked for
  if (turn !== state.turn) return;
  const [answer, person] = await Promise.all([asked(), known()]);
  if (turn !== state.turn) return;
  draw(answer, person, null, kind === "again");
  state.refresh = () => refresh(turn);
}

const asked = (cursor) => ask(pathOf(HOME, { limit: cursor ? 24 : 20, explain: true, cursor }));

// What is known of the viewer: the page does not depend on it.
async function known() {
  try {
    const person = await ask(`/api/v1/viewers/${part(state.viewer)}`);
    state.watched = new Map(person.history.map((entry) => [entry.video_id, entry.watch_fraction]));
    return person;
  } catch {
    return null;
  }
}

// Draws the page anew where it stands, and says how many videos were not there before.
async function refresh(turn) {
  const before = shown();
  const [answer, person] = await Promise.all([asked(), known()]);
  if (turn !== state.turn || $("why").open) return null;
  draw(answer, person, before, true);
  return [...shown()].filter((video) => !before.has(video)).length;
}

const shown = () => new Set([...$("body").querySelectorAll("[data-video]")].map((one) => one.dataset.video));

function draw(answer, person, before, isQuiet) {
  const turn = state.turn;
  const held = isQuiet ? heldFocus($("body")) : null;
  drawLead(person);
  const rows = answer.rows.map((row) => ({ ...row, items: row.items.map((item) => itemOf(item, { surface: item.row_id, request_id: answer.request_id })) }));
  const picks = rows.find((row) => row.row_id === "top_picks") ?? rows.find((row) => row.row_id !== "continue_watching") ?? rows[0];
  const featured = picks?.items[0];
  const sections = rows.map((row) => ({ ...row, items: row.items.filter((item) => item !== featured) })).filter((row) => row.items.length)
    .map((row) => rowSection(row, row.items, before, listOf(row.row_id)));
  if (!sections.length && !featured) sections.push(make("p", { className: "empty", textContent: "There is nothing left to show this viewer. Search for something, or browse the categories." }));
  fill(featured ? hero(featured) : null, make("div", { id: "rows" }, sections), more(answer.cursor, turn));
  focusAgain($("body"), held);
  drawBehind(answer);
  drawRung(answer, () => turn === state.turn && refresh(turn).catch(() => {}));
}

function listOf(rowId) {
  const list = LISTS[rowId.split(":")[0]];
  return list && address({ list });
}

function drawLead(person) {
  if (!person) return $("lead").replaceChildren();
  const chips = (names) => names.map((name) => make("span", { className: "chip", textContent: name }));
  const words = person.known || person.watch_count
    ? [`${person.watch_count} watched`, ...(person.genres.length ? ["drawn to", ...chips(person.genres.slice(0, 4).map((genre) => genre.name))] : []),
      ...(person.history.length ? [make("span", { className: "late", textContent: "last watched" }), ...person.history.slice(0, 1).map((entry) => make("a", { className: "chip late", href: address({ video: entry.video_id }), textContent: entry.title }))] : [])]
    : ["Nobody has met this viewer yet: watch something, and the page learns.", make("a", { className: "chip", href: address({ welcome: "" }), textContent: "Tell what you like" })];
  return $("lead").replaceChildren(...words.map((word) => (typeof word === "string" ? make("span", { textContent: word }) : word)));
}

function hero(item) {
  const backdrop = thumbnail(item);
  backdrop.setAttribute("aria-hidden", "true");
  if (backdrop.classList.replace("look4", "look3")) backdrop.style.setProperty("--x", "30%"); // dots do not bear enlarging
  const watch = make("a", { className: "primary", href: address({ watch: item.video_id }), "data-part": "watch" }, "▶ Watch");
  watch.setAttribute("aria-label", `Watch ${item.title}`);
  const about = make("a", { className: "second", href: address({ video: item.video_id }), "data-part": "face", textContent: "Details", "aria-label": `Details of ${item.title}` });
  const no = make("button", { type: "button", className: "second", "data-part": "no", textContent: "Not interested", "aria-label": `Not interested in ${item.title}` });
  no.addEventListener("click", () => react(item, "not_interested"));
  for (const link of [watch, about]) clickable(link, item);
  return make("section", { className: "hero", id: "hero", "aria-labelledby": "featured", "data-video": item.video_id, "data-row": "hero" }, backdrop, make("div", { className: "hero-text" },
    make("p", { className: "kicker", textContent: item.reason }), make("h2", { textContent: item.title, id: "featured" }),
    make("p", { className: "facts", textContent: facts(item) }), make("div", { className: "buttons" }, watch, about, no)));
}

function more(cursor, turn) {
  if (!cursor) return null;
  const button = make("button", { type: "button", id: "more", textContent: "Show more" });
  button.addEventListener("click", async () => {
    button.disabled = true;
    try {
      const answer = await asked(cursor);
      if (turn !== state.turn) return;
      const items = answer.recommendations.map((item) => itemOf(item, { surface: item.row_id, request_id: answer.request_id }));
      const title = document.querySelector("[data-row^='more']") ? "And more" : "More for you";
      const section = gridSection({ row_id: `more-${document.querySelectorAll(".row").length}`, title }, items);
      if (items.length) $("rows").append(section);
      button.parentElement.replaceWith(more(answer.cursor, turn) ?? make("p", { className: "more", textContent: "That is all there is." }));
      section.querySelector(".face")?.focus({ preventScroll: true });
      announce(`${items.length} more videos`);
    } catch (error) {
      button.disabled = false;
      announce("That did not work; try again.");
    }
  });
  return make("p", { className: "more" }, button);
}
