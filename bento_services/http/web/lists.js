// One surface as a grid: what is trending, new, popular nearby, begun, or like what was watched; and a category.
import { ask, categoryOptions, knownCategories, part, pathOf, settled } from "./api.js";
import { drawBehind } from "./behind.js";
import { cardList, hueOf, reasonsOf, skeleton } from "./cards.js";
import { $, announce, focusAgain, heldFocus, make } from "./dom.js";
import { go } from "./go.js";
import { address, itemOf, state } from "./state.js";
import { drawRung, fill, openView } from "./view.js";
import { count } from "./words.js";

export const LISTS = {
  trending: { title: "Trending now", narrowed: true },
  new: { title: "New releases", narrowed: true },
  area: { title: "Popular near you", narrowed: true },
  continue_watching: { title: "Continue watching", empty: "Nothing is begun and unfinished." },
  because: { title: "Because of what you watched", empty: "Watch something first: what others watched beside it comes here." },
};
const PAGE = 24;

// Which list, and of which category.
export async function list(params, turn, kind) {
  const name = params.get("list") in LISTS ? params.get("list") : "trending";
  const category = params.get("category") ?? "";
  const { title, narrowed, empty } = LISTS[name];
  openView("list", category ? `${title}: ${category}` : title, kind, skeleton());
  await settled();
  const asked = (cursor) => ask(pathOf("/api/v1/recommendations", { surface: name, category, count: PAGE, cursor }));
  const [answer, options] = await Promise.all([asked(), narrowed ? categoryOptions(category) : null]);
  if (turn !== state.turn) return;
  if (options) $("lead").replaceChildren(narrowing(options, (chosen) => address({ list: name, category: chosen || null })));
  drawList(answer, asked, empty ?? `Nothing is ${category ? `there in ${category}` : "there"} yet.`, turn);
}

function narrowing(options, href) {
  const select = make("select", { id: "narrow" }, options);
  select.addEventListener("change", () => go(href(select.value), { focus: "narrow" }));
  return make("span", { className: "field" }, make("label", { for: "narrow", textContent: "Category" }), select);
}

// All categories, or one of them.
export async function browse(params, turn, kind) {
  const category = params.get("browse");
  if (!category) return categoryTiles(turn, kind);
  openView("category", category, kind, skeleton());
  await settled();
  const asked = (cursor) => ask(pathOf(`/api/v1/browse/${part(category)}`, { limit: PAGE, cursor }));
  let answer;
  try {
    answer = await asked();
  } catch (error) {
    if (turn === state.turn && error.code === "unknown_category") $("body").replaceChildren(tiles(error.details.known ?? []));
    throw error;
  }
  if (turn !== state.turn) return undefined;
  const links = [["trending", "Trending"], ["new", "New"], ["area", "Near you"]].map(([name, word]) => make("a", { className: "chip", href: address({ list: name, category }), textContent: `${word} in ${category}` }));
  $("lead").replaceChildren(make("a", { className: "chip", href: address({ browse: "" }), textContent: "All categories" }), ...links);
  return drawList(answer, asked, `Nothing in ${category} may be shown to this viewer.`, turn);
}

async function categoryTiles(turn, kind) {
  openView("categories", "Categories", kind);
  const known = await knownCategories();
  if (turn !== state.turn) return;
  $("lead").replaceChildren(make("span", { textContent: known.length ? "Those of most videos first." : "The catalog has no categories." }));
  fill(tiles(known));
}

export function tiles(names) {
  return make("ul", { className: "tiles" }, names.map((name) => {
    const link = make("a", { className: "tile", href: address({ browse: name }), textContent: name });
    link.style.setProperty("--hue", hueOf(name));
    return make("li", {}, link);
  }));
}

// --- what lists have in common ---------------------------------------------------------------------------------------

// `asked`: gives what follows a cursor. `empty`: what is said of an empty list.
export function drawList(answer, asked, empty, turn) {
  const items = itemsOf(answer);
  const { shared, each } = reasonsOf(items, answer.title, $("title").textContent);
  const cards = cardList(items, each);
  cards.setAttribute("aria-label", $("title").textContent);
  const words = items.length && shared ? make("p", { className: "shared", textContent: shared }) : null;
  fill(words, items.length ? make("div", { className: "row grid", "data-row": answer.surface }, cards) : typeof empty === "string" ? make("p", { className: "empty", textContent: empty }) : empty, furtherOf(answer.cursor, asked, cards, turn));
  drawBehind(answer);
  drawRung(answer, async () => {
    const again = await asked().catch(() => null);
    if (!again || turn !== state.turn) return;
    const held = heldFocus($("body"));
    drawList(again, asked, empty, turn);
    focusAgain($("body"), held);
  });
  return items.length;
}

export function itemsOf(answer) {
  return (answer.items ?? answer.similar ?? answer.related).map((item) => itemOf({ ...item, likeness: item.similarity_score }, { surface: answer.surface ?? (answer.similar ? "similar" : "up-next"), request_id: answer.request_id }));
}

export function furtherOf(cursor, asked, cards, turn) {
  if (!cursor) return null;
  const button = make("button", { type: "button", textContent: "Show more" });
  button.addEventListener("click", async () => {
    button.disabled = true;
    try {
      const answer = await asked(cursor);
      if (turn !== state.turn) return;
      const items = itemsOf(answer);
      const { each } = reasonsOf(items, answer.title ?? "", $("title").textContent);
      const came = [...cardList(items, each).children];
      cards.append(...came);
      button.parentElement.replaceWith(furtherOf(answer.cursor, asked, cards, turn) ?? make("p", { className: "more", textContent: "That is all there is." }));
      came[0]?.querySelector(".face").focus({ preventScroll: true });
      announce(count(items.length, "more video"));
    } catch {
      button.disabled = false;
      announce("That did not work; try again.");
    }
  });
  return make("p", { className: "more" }, button);
}
