// That a video was opened from a list: an event like any other.
import { event, send } from "./api.js";

const ITEMS = new WeakMap(); // link or button -> the item that it stands for

export function clickable(node, item) {
  ITEMS.set(node, item);
  return node;
}

export const itemAt = (node) => ITEMS.get(node);

export function clicked(node) {
  const item = ITEMS.get(node);
  if (item) send(event(item, "click")).catch(() => {}); // a lost click is no reason to disturb anybody
}
