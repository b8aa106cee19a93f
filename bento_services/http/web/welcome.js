// Where somebody new begins: titles and genres to pick from, which the first page is made of.
import { ask, pick } from "./api.js";
import { drawBehind } from "./behind.js";
import { skeleton, thumbnail } from "./cards.js";
import { $, make, say } from "./dom.js";
import { go } from "./go.js";
import { address, itemOf, state } from "./state.js";
import { fill, openView } from "./view.js";
import { count, failure } from "./words.js";

export async function welcome(_, turn, kind) {
  openView("welcome", "What do you like?", kind, skeleton());
  const answer = await ask("/api/v1/onboarding");
  if (turn !== state.turn) return;
  $("lead").replaceChildren(make("span", { textContent: "Pick some titles that you know and like, or genres: your first page is made of them." }), make("a", { className: "chip", href: address(), textContent: "Skip this" }));
  const items = answer.titles.map((title) => itemOf(title, { surface: "onboarding", request_id: answer.request_id }));
  const form = make("form", { id: "picks", className: "picks" },
    make("fieldset", {}, make("legend", {}, make("h2", { textContent: "Titles" })), make("ul", { className: "offers" }, items.map(offer))),
    make("fieldset", {}, make("legend", {}, make("h2", { textContent: "Genres" })), make("ul", { className: "chips" }, answer.genres.map(genre))),
    make("div", { className: "begin" }, make("button", { type: "submit", className: "primary", id: "begin", textContent: "Make my page" }), make("span", { id: "picked", role: "status", textContent: "Nothing picked yet" })));
  form.addEventListener("change", () => ($("picked").textContent = told(form)));
  form.addEventListener("submit", (event) => {
    event.preventDefault();
    send(form, turn);
  });
  fill(form);
  drawBehind(answer);
}

function offer(item) {
  const art = thumbnail(item);
  const box = make("input", { type: "checkbox", name: "title", value: item.video_id, "aria-label": item.title });
  return make("li", {}, make("label", { className: "offer" }, box, art, make("span", { className: "tick", textContent: "✓", "aria-hidden": "true" })));
}

function genre(name) {
  return make("li", {}, make("label", { className: "chip choice" }, make("input", { type: "checkbox", name: "genre", value: name }), name));
}

const chosen = (form, name) => [...form.querySelectorAll(`[name="${name}"]:checked`)].map((box) => box.value);

function told(form) {
  const [titles, genres] = [chosen(form, "title").length, chosen(form, "genre").length];
  return [titles ? count(titles, "title") : "", genres ? count(genres, "genre") : ""].filter(Boolean).join(" and ") || "Nothing picked yet";
}

async function send(form, turn) {
  const [titles, genres] = [chosen(form, "title"), chosen(form, "genre")];
  if (!titles.length && !genres.length) {
    $("picked").textContent = "Pick at least one title or genre, or skip this.";
    form.querySelector("input").focus();
    return;
  }
  $("begin").disabled = true;
  try {
    await pick(titles, genres);
  } catch (error) {
    const { title, text } = failure(error);
    $("begin").disabled = false;
    $("picked").textContent = `${title}: ${text}`;
    return;
  }
  if (turn !== state.turn) return;
  say(`Your page is made of ${told(form)}`);
  go(address());
}
