// Videos as cards, in rows and grids.
import { clickable } from "./clicks.js";
import { make } from "./dom.js";
import { address, saidOf, state } from "./state.js";
import { clock, day } from "./words.js";

function hash(text) {
  let value = 2166136261;
  for (const character of text) value = Math.imul(value ^ character.codePointAt(0), 16777619);
  value ^= value >>> 15;
  return Math.imul(value, 2246822519) >>> 0;
}

export const hueOf = (name) => (hash(name) % 18) * 20;

// The catalog's own picture where it lies on this service; else colour from the genre, composition from the video.
export function thumbnail(item) {
  const seed = hash(item.video_id + item.title);
  const hue = hueOf(item.genres[0] ?? item.channel);
  const second = item.genres[1];
  const thumb = make("span", { className: `thumb look${seed % 6}` },
    picture(item.thumbnail ?? ""),
    make("span", { className: "poster", textContent: item.title }),
    item.duration > 0 ? make("span", { className: "length", textContent: clock(item.duration), "aria-hidden": "true" }) : null);
  thumb.style.setProperty("--hue", hue);
  thumb.style.setProperty("--hue2", second ? hueOf(second) : (hue + 30 + (seed >> 4) % 50) % 360);
  thumb.style.setProperty("--turn", `${110 + (seed >> 8) % 80}deg`);
  thumb.style.setProperty("--x", `${20 + (seed >> 12) % 60}%`);
  const fraction = state.watched.get(item.video_id);
  if (fraction !== undefined && fraction < 0.95) {
    const bar = make("span", { className: "seen" });
    bar.style.setProperty("--seen", `${Math.round(fraction * 100)}%`);
    thumb.append(bar);
  }
  return thumb;
}

function picture(path) {
  if (!path.startsWith("/") || path.startsWith("//") || path.startsWith("/thumbnails/")) return null;
  const image = make("img", { src: path, alt: "", loading: "lazy" });
  image.addEventListener("error", () => image.remove());
  return image;
}

function card(item, reason, isFresh) {
  const link = make("a", { className: "face", href: address({ video: item.video_id }), "data-part": "face" },
    thumbnail(item),
    make("span", { className: "under" }, make("small", { textContent: [item.channel, item.genres[0] ?? day(item.published_at)].filter(Boolean).join(" · ") }),
      reason ? make("span", { className: "reason", textContent: reason }) : null));
  const why = make("button", { type: "button", className: "why", textContent: "Why?", "data-part": "why", "aria-label": `Why? ${item.title}`, "aria-haspopup": "dialog" });
  for (const one of [link, why]) clickable(one, item);
  const said = saidOf(item.video_id);
  return make("li", { className: isFresh ? "card fresh" : "card", "data-video": item.video_id }, link, said === "like" ? make("span", { className: "liked", textContent: "♥", role: "img", "aria-label": "Liked" }) : null, why);
}

// Why each is here: nothing where the head of the row says it, and what most of them share is said there, once.
export function reasonsOf(items, ...heads) {
  const times = new Map();
  for (const { reason } of items) times.set(reason, (times.get(reason) ?? 0) + 1);
  const [most, often] = [...times].sort((one, other) => other[1] - one[1])[0] ?? ["", 0];
  const shared = most && items.length > 1 && often > items.length / 2 ? most : "";
  const above = new Set([...heads, shared]);
  return { shared: heads.includes(shared) ? "" : shared, each: items.map(({ reason }) => (above.has(reason) ? "" : reason)) };
}

export function cardList(items, each, before) {
  return make("ul", { className: "cards" }, items.map((item, at) => card(item, each?.[at] ?? "", before && !before.has(item.video_id))));
}

// A row of the home page; `all`: the address of the whole list.
export function rowSection(row, items, before, all) {
  const { shared, each } = reasonsOf(items, row.title, row.reason);
  const title = make("h2", { textContent: row.title, id: `row-${row.row_id}` });
  const words = row.reason && row.reason !== row.title ? row.reason : shared;
  const cards = cardList(items, each, before);
  const section = make("section", { className: "row", "aria-labelledby": title.id, "data-row": row.row_id },
    make("header", {}, title, words ? make("p", { textContent: words }) : null,
      all ? make("a", { className: "all", href: all, textContent: "See all", "aria-label": `See all: ${row.title}` }) : null), cards);
  addSteps(section, cards);
  return section;
}

export function gridSection(row, items) {
  const { shared, each } = reasonsOf(items, row.title);
  const title = make("h2", { textContent: row.title, id: `row-${row.row_id}` });
  return make("section", { className: "row grid", "aria-labelledby": title.id, "data-row": row.row_id },
    make("header", {}, title, shared ? make("p", { textContent: shared }) : null), cardList(items, each));
}

// For a mouse; keys scroll by moving the focus.
function addSteps(section, cards) {
  const step = (name, sign) => {
    const button = make("button", { type: "button", className: `step ${name}`, textContent: name === "on" ? "›" : "‹", "aria-hidden": "true", tabIndex: -1 });
    button.addEventListener("click", () => cards.scrollBy({ left: sign * cards.clientWidth * 0.8 }));
    return button;
  };
  const [back, on] = [step("back", -1), step("on", 1)];
  const update = () => {
    back.disabled = cards.scrollLeft < 8;
    on.disabled = cards.scrollLeft + cards.clientWidth > cards.scrollWidth - 8;
  };
  cards.addEventListener("scroll", update, { passive: true });
  new ResizeObserver(update).observe(cards);
  section.append(back, on);
}

// Arrow keys move between cards: to the next one in the row, or to the nearest one above or below.
export function steer(event) {
  const face = document.activeElement?.closest?.(".card .face");
  const isAcross = event.key === "ArrowLeft" || event.key === "ArrowRight";
  if (!face || !(isAcross || event.key === "ArrowUp" || event.key === "ArrowDown") || event.altKey || event.ctrlKey || event.metaKey || event.shiftKey) return;
  const sign = event.key === "ArrowRight" || event.key === "ArrowDown" ? 1 : -1;
  const next = isAcross ? beside(face, sign) : nearest(face, sign);
  if (!next) return;
  event.preventDefault();
  next.focus({ preventScroll: true });
  next.scrollIntoView({ block: "nearest", inline: "nearest" });
}

function beside(face, sign) {
  const among = [...face.closest(".cards").querySelectorAll(".face")];
  return among[among.indexOf(face) + sign];
}

function nearest(face, sign) {
  const from = face.getBoundingClientRect();
  const [x, y] = [from.left + from.width / 2, from.top];
  let [best, least] = [null, Infinity];
  for (const other of document.querySelectorAll(".card .face")) {
    const to = other.getBoundingClientRect();
    const down = (to.top - y) * sign;
    const far = down * 1000 + Math.abs(to.left + to.width / 2 - x);
    if (down > 8 && far < least) [best, least] = [other, far];
  }
  return best;
}

export function skeleton(rows = 2) {
  const blank = () => make("li", { className: "card" }, make("span", { className: "thumb" }));
  return Array.from({ length: rows }, () => make("div", { className: "row waiting", "aria-hidden": "true" }, make("ul", { className: "cards" }, [1, 2, 3, 4, 5, 6].map(blank))));
}
