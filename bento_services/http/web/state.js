// What the page knows: who looks, what they did, and every video that an answer has named.

export const state = {
  viewer: "",
  turn: 0, // answers that come back after the page went elsewhere are dropped
  watched: new Map(), // video id -> fraction
  leave: null, // what the view has to do before another takes its place
  escape: null, // what the Escape key does in the view
  refresh: null, // draws the view anew, quietly, once the service knows what was done
};
const items = new Map();
let said = {}; // video id -> like, dislike or not_interested

const kept = (viewer) => `said:${viewer}`;

export function become(viewer) {
  state.viewer = viewer;
  state.watched = new Map();
  items.clear();
  said = JSON.parse(sessionStorage.getItem(kept(viewer)) ?? "{}");
}

export const saidOf = (video) => said[video] ?? "";

export function keepSaid(video, action) {
  if (action) said[video] = action;
  else delete said[video];
  sessionStorage.setItem(kept(state.viewer), JSON.stringify(said));
}

// One shape for the items of every surface; `from`: which one, and the id of its answer.
export function itemOf(sent, from = {}) {
  const item = {
    ...sent,
    ...from,
    video_id: sent.video_id ?? sent.item_id,
    channel: sent.channel ?? sent.creator_name ?? sent.creator_id ?? "",
    duration: sent.duration ?? sent.duration_seconds ?? 0,
    genres: sent.genres ?? [],
  };
  item.surface = from.surface ?? sent.row_id ?? "home";
  items.set(item.video_id, { ...items.get(item.video_id), ...item });
  return item;
}

export const knownItem = (video) => items.get(video);

// The address of a view of this page: the viewer is part of it.
export function address(view = {}) {
  const words = Object.entries({ viewer: state.viewer, ...view }).filter(([, value]) => value !== undefined && value !== null);
  return `/?${new URLSearchParams(words)}`;
}
