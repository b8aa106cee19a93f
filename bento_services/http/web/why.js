// “Why this?”: the trace of a video in words, and in numbers for who wants them.
import { $, make } from "./dom.js";
import { why } from "./words.js";

export function explain(item) {
  $("why-title").textContent = `Why “${item.title}”?`;
  $("why-words").replaceChildren(...why(item).map((sentence) => make("li", { textContent: sentence })));
  $("why-numbers").replaceChildren(...numbers(item).flatMap(([name, value]) => [make("dt", { textContent: name }), make("dd", { textContent: value })]));
  $("why-all").open = false;
  $("why").showModal();
}

// As part of a page.
export function whySection(item) {
  const title = make("h2", { textContent: "Why this?", id: "why-here" });
  return make("section", { className: "why-here", "aria-labelledby": title.id }, title, make("ul", {}, why(item).map((sentence) => make("li", { textContent: sentence }))));
}

function numbers(item) {
  const entries = [["found by", (item.sources ?? [item.source]).filter(Boolean).join(", ")], ["score", item.score?.toPrecision(4)], ["likeness", item.likeness?.toPrecision(3)],
    ["place", item.position >= 0 ? String(item.position + 1) : ""], ["shown with probability", item.propensity === undefined ? "" : String(item.propensity)], ["request", item.request_id]];
  for (const [name, value] of Object.entries(item.trace ?? {})) {
    if (name !== "propensity") entries.push([name.replaceAll("_", " "), flat(value)]);
  }
  return entries.filter(([, value]) => value);
}

function flat(value) {
  if (!value || typeof value !== "object") return String(value ?? "");
  return Object.entries(value).slice(0, 60).map(([name, one]) => `${name} ${typeof one === "number" ? Number(one.toPrecision(4)) : JSON.stringify(one)}`).join(", ");
}
