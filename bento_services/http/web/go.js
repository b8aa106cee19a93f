// From one view to another, within the page: app.js draws what the address says.

import { $, heldFocus } from "./dom.js";

let show = null;

export function onGo(shows) {
  show = shows;
}

// `kind`: see openView. `focus`: the id of a control that is drawn anew and has the focus again.
export function go(href, { kind = "go", replace = false, focus = "", play = false } = {}) {
  if (!replace) keepPlace();
  history[replace ? "replaceState" : "pushState"]({ play }, "", href);
  return show(focus ? "again" : kind, focus);
}

// Where the viewer is in this view, for when they come back to it.
export function keepPlace() {
  history.replaceState({ play: false, top: scrollY, held: heldFocus($("body")) }, "");
}
