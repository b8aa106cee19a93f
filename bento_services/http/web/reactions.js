// What the viewer thinks of a video, and taking it back.
import { feedback, settled, Refused } from "./api.js";
import { make, say, sayOn } from "./dom.js";
import { keepSaid, saidOf, state } from "./state.js";

const WORDS = { like: "Liked", dislike: "Disliked", not_interested: "Not interested in" };

// `action`: like, dislike, not_interested, or "" to take back what was said.
export async function react(item, action, { undoable = true } = {}) {
  const before = saidOf(item.video_id);
  const viewer = state.viewer;
  const words = action ? `${WORDS[action]} “${item.title}”` : `Took back: ${WORDS[before].toLowerCase()} “${item.title}”`;
  keepSaid(item.video_id, action);
  drawReactions(item);
  say(`${words} …`);
  try {
    await feedback(item.video_id, action || "undo");
  } catch (error) {
    if (viewer === state.viewer) keepSaid(item.video_id, before);
    drawReactions(item);
    say(error instanceof Refused ? `${error.message}; nothing was changed` : "That did not reach Marquee; nothing was changed. Try again.");
    return;
  }
  say(words, undoable ? () => react(item, before, { undoable: false }) : undefined);
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

function drawReactions(item) {
  press(document.querySelectorAll(`[data-action][data-of="${CSS.escape(item.video_id)}"]`), item.video_id);
}

function press(buttons, video) {
  for (const button of buttons) button.setAttribute("aria-pressed", String(saidOf(video) === button.dataset.action));
}
