// For engineers, at the foot of every view: which rung answered, how long it took, which limits were kept.
import { $, make } from "./dom.js";
import { relaxedWords } from "./words.js";

export function drawBehind(answer) {
  const stages = Object.entries(answer.stage_ms ?? {});
  const total = stages.reduce((sum, [, ms]) => sum + ms, 0);
  const parts = [answer.served_by, answer.speed === "page_cache" ? `made ${Math.round(answer.age_seconds)} s ago` : "", total ? `${total.toFixed(1)} ms` : "",
    answer.candidates ? `${answer.candidates} candidates` : "", `release ${answer.release_id}`].filter(Boolean);
  $("behind-line").textContent = `— ${parts.join(" · ")}`;
  const most = Math.max(...stages.map(([, ms]) => ms), 0.001);
  const grid = make("div", { className: "stages" });
  for (const [name, ms] of stages) {
    const bar = make("i");
    bar.style.setProperty("--part", `${(100 * ms) / most}%`);
    grid.append(make("span", { textContent: name }), make("span", {}, bar), make("span", { textContent: `${ms.toFixed(2)} ms` }));
  }
  const lines = [`Request ${answer.request_id}`, relaxedWords(answer.certificate), ...answer.warnings];
  $("behind-body").replaceChildren(...(stages.length ? [grid] : []), ...lines.map((line) => make("p", { textContent: line })));
  $("behind").hidden = false;
}
