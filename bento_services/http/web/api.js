// The API of this service: what it answers, and the two ways in which it does not.
import { $, make } from "./dom.js";
import { state } from "./state.js";

const WAIT_MS = 10_000; // for an answer; a service that hangs is away
const VISIBLE_TRIES = 60; // of 100 ms: how long we wait for an event to reach the features

export class Refused extends Error {
  constructor(status, error, retryAfterSeconds) {
    super(error?.message ?? `HTTP ${status}`);
    this.status = status;
    this.code = error?.code ?? "";
    this.details = error?.details ?? {};
    this.retryAfterSeconds = retryAfterSeconds;
  }
}

// Nothing answered, or something that is not this service.
export class Away extends Error {}

export const isPassing = (error) => error instanceof Away || (error instanceof Refused && (error.status >= 500 || error.status === 429));

export async function ask(path, { body, as = state.viewer, keepalive = false } = {}) {
  const headers = { "X-Context": encodeURIComponent(JSON.stringify(context())) };
  if (as) headers["X-User-Id"] = encodeURIComponent(as);
  if (body) headers["Content-Type"] = "application/json";
  const key = sessionStorage.getItem("key");
  if (key) headers.Authorization = `Bearer ${key}`;
  let reply, answer;
  try {
    reply = await fetch(path, { method: body ? "POST" : "GET", headers, body: body && JSON.stringify(body), keepalive, signal: AbortSignal.timeout(WAIT_MS) });
    answer = await reply.json();
  } catch (error) {
    throw new Away(error.message);
  }
  if (reply.status === 401) {
    await askForKey(Boolean(key));
    return ask(path, { body, as, keepalive });
  }
  if (!reply.ok) throw new Refused(reply.status, answer.error, Number(reply.headers.get("Retry-After")) || 0);
  return answer;
}

export function pathOf(path, query = {}) {
  const words = Object.entries(query).filter(([, value]) => value !== undefined && value !== null && value !== "");
  return words.length ? `${path}?${new URLSearchParams(words)}` : path;
}

export const part = encodeURIComponent; // of a path: ids and categories may hold anything

export function device() {
  return matchMedia("(max-width: 40rem)").matches ? "mobile" : "desktop";
}

function context() {
  return { device: device(), utc_offset_minutes: -new Date().getTimezoneOffset() };
}

let asking = null; // many requests may need the key, which is asked for once

function askForKey(wasRefused) {
  $("key-refused").hidden = !wasRefused;
  asking ??= new Promise((resolve) => {
    $("key").showModal();
    $("key").addEventListener("close", () => {
      sessionStorage.setItem("key", $("key-input").value);
      asking = null;
      resolve();
    }, { once: true });
  });
  return asking;
}

// --- what the viewer does --------------------------------------------------------------------------------------------

let settling = Promise.resolve(true);

export function event(item, kind, extra = {}) {
  return {
    event_id: crypto.randomUUID?.() ?? `web-${Date.now()}-${Math.random().toString(36).slice(2)}`,
    user_id: state.viewer, item_id: item.video_id, event: kind, position: item.position ?? -1,
    surface: item.surface ?? "home", device: device(), request_id: item.request_id ?? "", ...extra,
  };
}

// Resolves when the event log has it; `settled` when the features, hence the next page, know.
export async function send(...events) {
  const receipt = await ask("/api/v1/events", { body: { events }, keepalive: true });
  settling = arrival(receipt.event_ids.at(-1), receipt.receipt);
  return receipt;
}

export async function feedback(video_id, action) {
  const answer = await ask("/api/v1/recommendations/feedback", { body: { video_id, action } });
  settling = arrival(answer.event_id, answer.receipt);
  return answer;
}

export async function pick(video_ids, genres) {
  const receipt = await ask("/api/v1/onboarding", { body: { video_ids, genres } });
  settling = arrival(receipt.event_ids.at(-1), receipt.receipt);
  return receipt;
}

// false: it takes longer than we wait.
export const settled = () => settling;

// Without a receipt nothing was kept: the viewer wants no personal pages.
const arrival = (eventId, receipt) => (receipt ? isVisible(eventId, state.viewer) : Promise.resolve(true));

async function isVisible(eventId, viewer) {
  try {
    for (let tries = 0; tries < VISIBLE_TRIES; tries += 1) {
      const { visible } = await ask(`/api/v1/events/${part(eventId)}`, { as: viewer });
      if (visible) return true;
      await new Promise((resolve) => setTimeout(resolve, 100));
    }
  } catch {
    // The page does not depend on it.
  }
  return false;
}

// --- what does not depend on the viewer ------------------------------------------------------------------------------

let categories = null;

export function knownCategories() {
  categories ??= ask("/api/v1/browse", { as: "" }).then((answer) => answer.categories, (error) => {
    categories = null;
    throw error;
  });
  return categories;
}

export async function categoryOptions(chosen) {
  const known = await knownCategories().catch(() => []);
  const names = chosen && !known.includes(chosen) ? [chosen, ...known] : known;
  return [make("option", { value: "", textContent: "All categories" }), ...names.map((name) => make("option", { value: name, textContent: name, selected: name === chosen }))];
}
