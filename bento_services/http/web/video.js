// A video's own page: what the catalog says of it, the viewer's opinion, why it was shown, and what is like it.
import { ask, knownCategories, part, pathOf, Refused } from "./api.js";
import { drawBehind } from "./behind.js";
import { cardList, reasonsOf, skeleton, thumbnail } from "./cards.js";
import { $, focusAgain, heldFocus, make } from "./dom.js";
import { itemsOf, furtherOf } from "./lists.js";
import { following, reactions, stars } from "./reactions.js";
import { address, itemOf, knownItem, state } from "./state.js";
import { drawRung, entitle, fill, openView } from "./view.js";
import { day, language, spoken } from "./words.js";
import { whySection } from "./why.js";

const ALIKE = 12;

export async function video(params, turn, kind) {
  const id = params.get("video");
  openView("video", knownItem(id)?.title ?? "Video", kind, skeleton(1));
  const asked = (cursor) => ask(pathOf(`/api/v1/recommendations/similar/${part(id)}`, { limit: ALIKE, cursor }));
  const [item, alike] = await Promise.all([described(id), asked()]);
  if (turn !== state.turn) return;
  entitle(item.title);
  $("lead").replaceChildren(make("span", { className: "facts", textContent: factsOf(item) }));
  const known = await knownCategories().catch(() => []);
  if (turn !== state.turn) return;
  fill(about(item, known), item.reason ? whySection(item) : null, likeThis(alike, asked, turn));
  drawBehind(alike);
  const redraw = async () => {
    const again = await asked().catch(() => null);
    if (again && turn === state.turn) {
      const held = heldFocus($("body"));
      $("alike").replaceWith(likeThis(again, asked, turn));
      focusAgain($("body"), held);
      drawBehind(again);
      drawRung(again, redraw);
    }
  };
  drawRung(alike, redraw);
}

// What the catalog says, with what the list said from which the viewer comes. Where the catalog cannot be read, as with
// a key for pages alone, the list's word has to do.
export async function described(id) {
  const listed = knownItem(id);
  try {
    const found = await ask(`/api/v1/videos/${part(id)}`, { as: "" });
    return { ...listed, ...itemOf({ ...found, thumbnail: found.thumbnail || (listed?.thumbnail ?? "") }, { surface: listed?.surface ?? "video", request_id: listed?.request_id ?? "" }), reason: listed?.reason ?? "" };
  } catch (error) {
    if (!(error instanceof Refused) || (error.status === 404 && !listed) || error.status === 429) throw error;
    return listed ?? itemOf({ video_id: id, title: id, withheld: error.message }, { surface: "video" });
  }
}

function factsOf(item) {
  const year = day(item.published_at);
  return [item.channel, item.duration > 0 ? spoken(item.duration) : "", year, item.episode > 0 && item.series_id ? `Episode ${item.episode}` : "", language(item.language), item.maturity > 0 ? `From ${item.maturity} years` : ""].filter(Boolean).join(" · ");
}

function about(item, categories) {
  const art = thumbnail(item);
  art.setAttribute("aria-hidden", "true");
  const fraction = state.watched.get(item.video_id) ?? 0;
  const begun = fraction > 0.02 && fraction < 0.95;
  const watch = make("a", { className: "primary", href: address({ watch: item.video_id }), id: "watch", textContent: begun ? `▶ Go on watching (${Math.round(100 * fraction)} % seen)` : "▶ Watch" });
  return make("div", { className: "about" }, art, make("div", { className: "words" },
    item.taken_down_at ? make("p", { className: "notice", textContent: "This video was taken down: it is on no list, and cannot be watched." }) : null,
    item.withheld ? make("p", { className: "notice", textContent: `Nothing but its id is known of this video here, because the catalog cannot be read: ${item.withheld}.` }) : null,
    item.description ? make("p", { className: "description", textContent: item.description }) : null,
    item.taken_down_at ? null : make("p", { className: "buttons" }, watch), reactions(item), stars(item), following(item), more(item, categories)));
}

function more(item, categories) {
  const chip = (text, view) => make("li", {}, make("a", { className: "chip", href: address(view), textContent: text }));
  const genres = item.genres.map((genre) => (categories.includes(genre) ? chip(genre, { browse: genre }) : chip(genre, { q: genre, genre })));
  const lines = [["Genres", genres], ["Channel", item.creator_id ? [chip(item.channel, { q: item.channel, creator: item.creator_id, channel: item.channel })] : []],
    ["With", (item.cast ?? []).slice(0, 12).map((name) => chip(name, { q: name }))], ["Topics", (item.tags ?? []).slice(0, 12).map((tag) => chip(tag, { q: tag }))]];
  return make("dl", { className: "links" }, lines.filter(([, chips]) => chips.length).flatMap(([name, chips]) => [make("dt", { textContent: name }), make("dd", {}, make("ul", { className: "chips" }, chips))]));
}

function likeThis(answer, asked, turn) {
  const items = itemsOf(answer);
  const { shared, each } = reasonsOf(items);
  const cards = cardList(items, each);
  const title = make("h2", { textContent: "More like this", id: "alike-title" });
  return make("section", { className: "row grid", id: "alike", "aria-labelledby": title.id, "data-row": "similar" }, make("header", {}, title, shared ? make("p", { textContent: shared }) : null),
    items.length ? cards : make("p", { className: "empty", textContent: "Nothing like it may be shown to this viewer." }), furtherOf(answer.cursor, asked, cards, turn));
}
