// What the viewer thinks of a video, and taking it back.
import { event, feedback, send, settled, Refused } from "./api.js";
import { make, say, sayOn } from "./dom.js";
import { keepSaid, saidOf, state } from "./state.js";

const WORDS = { like: "Liked", dislike: "Disliked", not_interested: "Not interested in" };

// `action`: like, dislike, not_interested, or "" to take back what was said.
export async function react(item, action, { undoable = true } = {}) {
  const before = saidOf(item.video_id);
  const words = action ? `${WORDS[action]} “${item.title}”` : `Took back: ${WORDS[before].toLowerCase()} “${item.title}”`;
  const undo = undoable ? () => react(item, before, { undoable: false }) : undefined;
  await tell(item.video_id, action, { words, undo, replaces: starsOf(item), draw: () => drawOpinion(item), sent: () => feedback(item.video_id, action || "undo") });
}

// Keeps what was said of something, in place of what it replaces, sends it, and says what came of it; what does not
// arrive is not kept.
async function tell(of, saying, { words, undo, replaces, draw, sent }) {
  const before = [of, replaces].filter(Boolean).map((one) => [one, saidOf(one)]);
  const viewer = state.viewer;
  if (replaces) keepSaid(replaces, "");
  keepSaid(of, saying);
  draw();
  say(`${words} …`);
  try {
    await sent();
  } catch (error) {
    if (viewer === state.viewer) for (const one of before) keepSaid(...one);
    draw();
    say(error instanceof Refused ? `${error.message}; nothing was changed` : "That did not reach Marquee; nothing was changed. Try again.");
    return;
  }
  say(words, undo);
  await tellEffect(words);
}

// Waits until the features know what was sent, draws the view anew where it changes, and says so.
export async function tellEffect(words) {
  const started = performance.now();
  const { viewer, turn } = state;
  const known = await settled();
  if (viewer !== state.viewer || turn !== state.turn) return;
  if (!known) return sayOn(`${words} · it is in the log and takes effect soon`);
  const came = await state.refresh?.();
  if (came === undefined || came === null || turn !== state.turn) return undefined;
  const seconds = ((performance.now() - started) / 1000).toFixed(1);
  return sayOn(`${words} · ${came} new ${came === 1 ? "video" : "videos"} after ${seconds} s`);
}

// Buttons that say what was said of this video; pressed again, it is taken back.
export function reactions(item) {
  const button = (action, sign, text) => {
    const one = make("button", { type: "button", "data-action": action, "data-of": item.video_id, "aria-pressed": "false" }, make("span", { textContent: sign, "aria-hidden": "true" }), make("span", { textContent: text }));
    one.addEventListener("click", () => react(item, saidOf(item.video_id) === action ? "" : action));
    return one;
  };
  const group = make("div", { className: "react", role: "group", "aria-label": "Your opinion" }, button("like", "♥", "Like"), button("dislike", "✕", "Dislike"), button("not_interested", "⊘", "Not interested"));
  press(group.children, item.video_id);
  return group;
}

// Following the channel of a video: what it publishes has a row of its own on the home page.
export function following(item) {
  if (!item.creator_id) return null;
  const of = `creator ${item.creator_id}`;
  const button = make("button", { type: "button", "data-follow": item.creator_id });
  const draw = () => {
    button.setAttribute("aria-pressed", String(saidOf(of) === "follow"));
    button.textContent = `${saidOf(of) === "follow" ? "Following" : "Follow"} ${item.channel}`;
  };
  const follow = (saying, undoable = true) => tell(of, saying, {
    words: `${saying ? "You follow" : "You no longer follow"} ${item.channel}`,
    undo: undoable ? () => follow(saying ? "" : "follow", false) : undefined,
    draw,
    sent: () => send(event(item, saying ? "follow" : "unfollow", { creator_id: item.creator_id })),
  });
  button.addEventListener("click", () => follow(saidOf(of) === "follow" ? "" : "follow"));
  draw();
  return make("div", { className: "react" }, button);
}

const starsOf = (item) => `stars ${item.video_id}`; // an opinion, as a like is: the last one counts

// One to five stars, as radio buttons: arrow keys choose, and a screen reader says how many.
export function stars(item) {
  const of = starsOf(item);
  const named = (count) => `${count} ${count === 1 ? "star" : "stars"}`;
  const choices = [1, 2, 3, 4, 5].map((count) => make("input", { type: "radio", name: "stars", "data-stars-of": item.video_id, value: count, checked: String(count) === saidOf(of) }));
  const rate = (count, undoable = true) => {
    const before = saidOf(of);
    return tell(of, count, {
      words: count ? `You gave “${item.title}” ${named(Number(count))}` : `Took back the stars of “${item.title}”`,
      undo: undoable ? () => rate(before, false) : undefined,
      replaces: item.video_id,
      draw: () => drawOpinion(item),
      sent: () => (count ? send(event(item, "rating", { rating: Number(count) })) : feedback(item.video_id, "undo")),
    });
  };
  choices.forEach((one) => one.addEventListener("change", () => rate(one.value)));
  return make("fieldset", { className: "stars" }, make("legend", { textContent: "Your rating" }),
    choices.map((one, at) => make("label", {}, one, make("span", { textContent: "★", "aria-hidden": "true" }), make("span", { className: "hidden", textContent: named(at + 1) }))));
}

function drawOpinion(item) {
  for (const one of document.querySelectorAll(`[data-stars-of="${CSS.escape(item.video_id)}"]`)) one.checked = one.value === saidOf(starsOf(item));
  press(document.querySelectorAll(`[data-action][data-of="${CSS.escape(item.video_id)}"]`), item.video_id);
}

function press(buttons, video) {
  for (const button of buttons) button.setAttribute("aria-pressed", String(saidOf(video) === button.dataset.action));
}
