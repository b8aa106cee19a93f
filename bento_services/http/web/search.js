// Search: results while one types, filters, and what to do where nothing is found.
import { ask, categoryOptions, knownCategories, pathOf } from "./api.js";
import { skeleton } from "./cards.js";
import { $, announce, make } from "./dom.js";
import { go } from "./go.js";
import { drawList, tiles } from "./lists.js";
import { address, state } from "./state.js";
import { entitle, fill, openView } from "./view.js";
import { count, language } from "./words.js";

const TYPING_MS = 250; // of rest before the service is asked
const PAGE = 24;
const SINCE = { "": "Any time", 7: "Last 7 days", 30: "Last 30 days", 365: "Last year" };
const LANGUAGES = ["ar", "bn", "de", "en", "es", "fr", "hi", "id", "it", "ja", "ko", "nl", "no", "pl", "pt", "ru", "sv", "tr", "uk", "vi", "zh"];
const FILTERS = ["category", "language", "since", "creator", "genre"];

export async function search(params, turn, kind) {
  const text = params.get("q");
  const title = text.trim() ? `Results for “${text.trim()}”` : "Search";
  openView("search", title, kind, skeleton());
  if (kind !== "type") $("q").value = text;
  const options = await categoryOptions(params.get("category") ?? "");
  if (turn !== state.turn) return;
  if (!$("filters") || kind !== "type") $("lead").replaceChildren(filters(params, options));
  if (!text.trim()) return nothingAsked(turn);
  const asked = (cursor) => ask(pathOf("/api/v1/search", { q: text, limit: PAGE, cursor, ...narrowed(params) }));
  const answer = await asked();
  if (turn !== state.turn) return;
  const found = drawList(answer, asked, await nothingFound(params), turn);
  entitle(title);
  announce(found ? `${answer.cursor ? "More than " : ""}${count(found, "result")} for ${text.trim()}` : `Nothing found for ${text.trim()}`);
}

function narrowed(params) {
  const days = Number(params.get("since"));
  const since = days > 0 ? new Date(Date.now() - days * 86_400_000).toISOString() : "";
  return { category: params.get("category"), language: params.get("language"), creator_id: params.get("creator"), genre: params.get("genre"), published_since: since };
}

async function nothingAsked(turn) {
  const known = await knownCategories().catch(() => []);
  if (turn === state.turn) fill(make("p", { className: "empty", textContent: "Type a title, a name, a topic. One wrong letter does no harm." }), make("h2", { textContent: "Or browse" }), tiles(known));
}

async function nothingFound(params) {
  const isNarrowed = FILTERS.some((name) => params.get(name));
  const known = await knownCategories().catch(() => []);
  return make("div", { className: "empty" },
    make("p", { textContent: `Nothing matches “${params.get("q").trim()}”${isNarrowed ? " with these filters" : ""}.` }),
    make("p", { textContent: "Fewer words find more. Titles, names, topics and descriptions are searched." }),
    isNarrowed ? make("p", {}, make("a", { className: "quiet", href: address({ q: params.get("q") }), textContent: "Search without filters" })) : null,
    make("h2", { textContent: "Or browse" }), tiles(known.slice(0, 8)));
}

// --- filters ---------------------------------------------------------------------------------------------------------

function filters(params, categories) {
  const field = (name, label, control) => make("span", { className: "field" }, make("label", { for: `by-${name}`, textContent: label }), control);
  const select = (name, options) => make("select", { id: `by-${name}`, name }, options);
  const option = (value, textContent, chosen) => make("option", { value, textContent, selected: value === (chosen ?? "") });
  const asked = params.get("language") ?? "";
  const codes = asked && !LANGUAGES.includes(asked) ? [asked, ...LANGUAGES] : LANGUAGES;
  const languages = codes.map((code) => [code, language(code)]).sort((one, other) => one[1].localeCompare(other[1]));
  const form = make("form", { id: "filters", className: "filters", role: "group", "aria-label": "Filters" },
    field("category", "Category", select("category", categories)),
    field("language", "Language", select("language", [option("", "All languages", asked), ...languages.map(([code, name]) => option(code, name, asked))])),
    field("since", "Published", select("since", Object.entries(SINCE).sort(([one], [other]) => one - other).map(([days, words]) => option(days, words, params.get("since"))))),
    ...["creator", "genre"].filter((name) => params.get(name)).map((name) => taken(name, params)));
  form.addEventListener("submit", (event) => event.preventDefault());
  form.addEventListener("change", (event) => go(changed(params, event.target.name, event.target.value), { focus: event.target.id }));
  return form;
}

// A filter that came with a link: it can only be taken away.
function taken(name, params) {
  const value = name === "creator" ? params.get("channel") || params.get(name) : params.get(name);
  const text = `${name === "creator" ? "Channel" : "Genre"}: ${value} ×`;
  return make("a", { className: "chip", href: changed(params, name, ""), textContent: text, "aria-label": `${text}, remove this filter` });
}

function changed(params, name, value) {
  const view = { q: $("q").value.trim() ? $("q").value : params.get("q"), channel: params.get("channel") };
  for (const one of FILTERS) view[one] = (one === name ? value : params.get(one)) || null;
  if (!view.creator) view.channel = null;
  return address(view);
}

// --- the box in the head of the page ---------------------------------------------------------------------------------

export function listenToBox() {
  const box = $("q");
  let timer = 0;
  const now = () => new URLSearchParams(location.search);
  const ask_ = (kind) => {
    clearTimeout(timer);
    const params = now();
    if (kind === "type" && !box.value.trim() && !params.has("q")) return;
    const filtersOf = Object.fromEntries([...FILTERS, "channel"].map((name) => [name, params.get(name)]));
    go(address({ q: box.value, ...(params.has("q") ? filtersOf : {}) }), { kind, replace: kind === "type" && params.has("q") });
  };
  box.addEventListener("input", (event) => {
    clearTimeout(timer);
    if (!event.isComposing) timer = setTimeout(() => ask_("type"), TYPING_MS);
  });
  box.addEventListener("compositionend", () => (timer = setTimeout(() => ask_("type"), TYPING_MS)));
  $("find").addEventListener("submit", (event) => {
    event.preventDefault();
    ask_("go");
  });
}
