// What the page says in words: facts of a video, why it is shown, who answered, what went wrong.
import { Away, Refused } from "./api.js";

export function clock(seconds) {
  const [hours, minutes, rest] = [Math.floor(seconds / 3600), Math.floor(seconds / 60) % 60, Math.floor(seconds % 60)];
  const two = (number) => String(number).padStart(2, "0");
  return hours ? `${hours}:${two(minutes)}:${two(rest)}` : `${minutes}:${two(rest)}`;
}

export function spoken(seconds) {
  if (seconds < 60) return `${Math.round(seconds)} s`;
  if (seconds < 3570) return `${Math.round(seconds / 60)} min`;
  const minutes = Math.round(seconds / 60);
  return minutes % 60 ? `${Math.floor(minutes / 60)} h ${minutes % 60} min` : `${minutes / 60} h`;
}

export function day(text) {
  const date = text ? new Date(text) : null;
  if (!date || Number.isNaN(date.valueOf())) return "";
  return date.toLocaleDateString(undefined, { year: "numeric", month: "short", day: "numeric", timeZone: "UTC" });
}

export function language(code) {
  try {
    return code ? new Intl.DisplayNames(undefined, { type: "language" }).of(code) : "";
  } catch {
    return code;
  }
}

export const count = (number, one, many = `${one}s`) => `${number.toLocaleString()} ${number === 1 ? one : many}`;

export function facts(item) {
  return [item.channel, item.genres.slice(0, 3).join(", "), item.duration > 0 ? spoken(item.duration) : "", day(item.published_at),
    item.view_count > 0 ? count(item.view_count, "view") : ""].filter(Boolean).join(" · ");
}

// --- who answered ----------------------------------------------------------------------------------------------------

const RUNGS = {
  base_order: "a list that was made for this viewer earlier",
  retrieval_only: "one model instead of all of them",
  similar_and_trending: "what resembles videos that were watched, and what is trending",
  segment: "a list for everybody in the same country at this time of day",
  new_releases: "what is newest, in the same order for everybody",
  popular: "what is watched most",
  static: "a list that is stored for the case that nothing else can be read",
  text: "the words alone, not this viewer's taste",
};

export const isLower = (rung) => rung in RUNGS;

export const rungWords = (rung) => `This is a simpler page than usual: Marquee answers with ${RUNGS[rung]}.`;

// --- why this --------------------------------------------------------------------------------------------------------

const FOUND_BY = {
  two_tower: "viewers with a similar taste watch it",
  item_item: "those who watched the same videos as this viewer watched it, too",
  matrix_factorization: "patterns in what all viewers watch point to it",
  content: "its text and topics resemble what this viewer watched",
  next_in_series: "it is the next episode of a series that this viewer watches",
  next_episode: "it is the next episode",
  creators: "it is from a channel that this viewer watches",
  followed: "it is from a channel that this viewer follows",
  trending: "it is watched more than usual right now",
  popular_in_area: "it is popular in this viewer's country",
  new_releases: "it was published recently",
  owed: "every new video is shown to some viewers",
  explore: "it lies outside of what this viewer usually watches, to learn whether they like it",
  popular: "it is one of the most watched videos",
  continue_watching: "this viewer began it and has not finished it",
  watched_by_the_same: "the same viewers watched both",
  similar_content: "its topic is similar",
  similar_vector: "its topic is similar",
  text: "its text matches what was searched for",
  base: "it was on the list that is kept ready for this viewer",
  segment: "it was on the list for viewers in the same country at this time of day",
};

const percent = (share) => (share > 0 && share < 0.01 ? "less than 1 %" : share > 0.99 && share < 1 ? "more than 99 %" : `${Math.round(100 * share)} %`);

// Sentences, the most telling first.
export function why(item) {
  const found = item.sources?.length ? item.sources : [item.source].filter(Boolean);
  const known = found.map((name) => FOUND_BY[name]).filter(Boolean);
  const sentences = [];
  if (item.reason) sentences.push(`${item.reason.replace(/[.!?]$/, "")}.`);
  if (known.length) sentences.push(`It was found because ${list(known.slice(0, 4))}${known.length > 4 ? `, and in ${count(known.length - 4, "other way")}` : ""}.`);
  if (item.likeness > 0) sentences.push(`It is ${percent(item.likeness)} like the video beside which it stands.`);
  sentences.push(...expected(item.trace?.scores ?? {}), ...fitting(item.trace?.features ?? {}));
  const boost = item.trace?.scores?.boost;
  if (boost > 1) sentences.push(`It stands higher than its score alone would put it, because it is new (its score is multiplied by ${boost.toPrecision(2)}).`);
  if (item.propensity < 1) sentences.push(`Its place was drawn by lot: it stands here on ${percent(item.propensity)} of such pages, so that Marquee learns what it does not know yet.`);
  else if (item.propensity === 1) sentences.push("No chance is in it: the same question gives it the same place.");
  if (!item.trace) sentences.push("Predictions are told for the home page; this list is explained by its reason alone.");
  return sentences;
}

function expected(scores) {
  if (!("p_click" in scores)) return [];
  const likes = "p_like" in scores ? ` They like it with ${percent(scores.p_like)} and dislike it with ${percent(scores.p_dislike ?? 0)}.` : "";
  const seconds = scores.watch_seconds > 0 ? `, and to watch ${spoken(scores.watch_seconds)} of it` : "";
  return [`This viewer is expected to open it with a probability of ${percent(scores.p_click)} and to finish it with ${percent(scores.p_complete)}${seconds}.${likes}`];
}

function fitting(features) {
  const sentences = [];
  if (features.genre_match > 0) sentences.push(`Its genres make up ${percent(Math.min(features.genre_match, 1))} of what this viewer is drawn to.`);
  if (features.creator_weight > 0) sentences.push("This viewer has watched this channel before.");
  if (features.video_watch_count_7d > 0) {
    sentences.push(`In the last seven days it was watched ${count(features.video_watch_count_7d, "time")}, on average ${percent(features.video_watch_fraction_7d ?? 0)} of it.`);
  }
  return sentences;
}

export function list(words) {
  return words.length < 2 ? words.join("") : `${words.slice(0, -1).join(", ")} and ${words.at(-1)}`;
}

const RULES = {
  max_per_creator: "videos of one channel in a list",
  max_per_creator_in_row: "videos of one channel in a row",
  max_per_creator_on_page: "videos of one channel on the page",
  max_category_share: "share of one category in a list",
  max_category_share_on_page: "share of one category on the page",
  max_genre_share_on_page: "share of one genre on the page",
  max_category_run: "videos of one category one after another",
  max_genre_in_top: "videos of one genre among the first",
  min_fresh: "number of new videos",
  duplicates_on_page: "no video twice",
  count: "number of videos",
};

export function relaxedWords(certificate) {
  const relaxed = (certificate?.relaxed ?? []).map((rule) => RULES[rule] ?? String(rule.rule ?? rule).replaceAll("_", " "));
  return relaxed.length ? `Limits that could not be kept: ${list(relaxed)}.` : "Every limit of the policy is kept.";
}

// --- what went wrong, and what to do about it ------------------------------------------------------------------------

export function failure(error) {
  if (error instanceof Away) return { title: "Marquee does not answer", text: "It may be starting anew, or the network is down. The page tries again by itself; nothing that you did is lost." };
  if (!(error instanceof Refused)) return { title: "This page has a fault", text: `${error.message}. Load it again; if that does not help, tell who runs the service.` };
  const told = `${error.message.charAt(0).toUpperCase()}${error.message.slice(1)}.`;
  if (error.status === 429) return { title: "Too many requests", text: `${told} The page asks again when it may.` };
  if (error.status >= 500) return { title: "Marquee cannot answer this right now", text: `${told} The page tries again by itself.` };
  if (error.code === "unknown_video") return { title: "There is no such video", text: "It may have been removed, or its address is mistyped. Search for its title, or go home." };
  if (error.code === "unknown_category") return { title: "There is no such category", text: "Choose one of those that the catalog has." };
  if (error.status === 403) return { title: "This key may not do that", text: `${told} Ask who runs the service for a key that may.` };
  return { title: "That was not understood", text: `${told} Change it, or go home.` };
}
