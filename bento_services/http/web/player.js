// The player: Marquee has no films, so the player runs the clock. What was watched is an event; what follows is asked.
import { ask, event, pathOf, send } from "./api.js";
import { drawBehind } from "./behind.js";
import { cardList, skeleton, thumbnail } from "./cards.js";
import { $, announce, make, say } from "./dom.js";
import { go } from "./go.js";
import { itemsOf } from "./lists.js";
import { reactions, tellEffect } from "./reactions.js";
import { address, itemOf, state } from "./state.js";
import { clickable } from "./clicks.js";
import { described } from "./video.js";
import { entitle, fill, openView } from "./view.js";
import { Countdown } from "./countdown.js";
import { clock, facts, spoken } from "./words.js";

const TICK_MS = 250;
const UNKNOWN_SECONDS = 600; // of a video whose length the catalog does not know
const SPEEDS = { 60: "a minute a second", 1: "real time" };
const JUMP_SECONDS = 10;

export async function player(params, turn, kind) {
  const id = params.get("watch");
  const starts = Boolean(history.state?.play); // by a link, not by going back or loading anew
  openView("player", "Player", kind, skeleton(1));
  const item = await described(id);
  if (turn !== state.turn) return;
  entitle(item.title);
  $("lead").replaceChildren(make("span", { className: "facts", textContent: facts(item) }), make("a", { className: "chip", href: address({ video: id }), textContent: "About this video" }));
  if (item.taken_down_at) return fill(make("p", { className: "empty", textContent: "This video was taken down and cannot be watched." }));
  const playing = new Playing(item, turn);
  fill(playing.screen(), reactions(item), make("div", { id: "after" }));
  playing.draw();
  state.leave = () => playing.leave();
  state.escape = () => playing.escape();
  if (starts) playing.play();
}

class Playing {
  constructor(item, turn) {
    this.item = item;
    this.turn = turn;
    this.length = item.duration > 0 ? item.duration : UNKNOWN_SECONDS;
    const fraction = state.watched.get(item.video_id) ?? 0;
    this.at = fraction > 0.02 && fraction < 0.95 ? fraction * this.length : 0;
    this.told = this.at; // up to where the service knows
    this.speed = 60;
    this.timer = 0;
    this.countdown = null;
  }

  screen() {
    const art = thumbnail(this.item);
    art.setAttribute("aria-hidden", "true");
    const button = (id, text, label, act) => make("button", { type: "button", id, textContent: text, "aria-label": label, onclick: act });
    const bar = make("input", { type: "range", id: "seek", min: 0, max: Math.round(this.length), step: 1, "aria-label": "Place in the video" });
    bar.addEventListener("input", () => this.seek(Number(bar.value)));
    const speed = make("select", { id: "speed" }, Object.entries(SPEEDS).sort(([one], [other]) => other - one).map(([times, words]) => make("option", { value: times, textContent: words })));
    speed.addEventListener("change", () => (this.speed = Number(speed.value)));
    return make("section", { className: "player", "aria-label": "Player" }, art,
      make("div", { className: "controls" },
        make("button", { type: "button", id: "play", className: "primary", onclick: () => (this.timer ? this.pause() : this.play()) }),
        button("back", `−${JUMP_SECONDS} s`, `−${JUMP_SECONDS} s, back`, () => this.seek(this.at - JUMP_SECONDS)),
        bar, make("span", { id: "time", className: "time" }),
        button("on", `+${JUMP_SECONDS} s`, `+${JUMP_SECONDS} s, on`, () => this.seek(this.at + JUMP_SECONDS)),
        button("end", "To the end", undefined, () => this.seek(this.length)),
        button("stop", "Stop watching", undefined, () => this.stop())),
      make("p", { className: "fine" }, "Marquee chooses videos and does not stream them: this player runs the clock, ", make("label", { for: "speed", textContent: "at" }), " ", speed));
  }

  draw() {
    const bar = $("seek");
    bar.value = Math.round(this.at);
    bar.setAttribute("aria-valuetext", `${spoken(this.at)} of ${spoken(this.length)}`);
    $("time").textContent = `${clock(this.at)} / ${clock(this.length)}`;
    $("play").textContent = this.timer ? "❚❚ Pause" : this.at >= this.length ? "↺ Watch again" : "▶ Play";
  }

  play() {
    this.calmDown();
    $("after").replaceChildren();
    if (this.at >= this.length) this.at = this.told = 0;
    this.timer = setInterval(() => this.seek(this.at + (this.speed * TICK_MS) / 1000), TICK_MS);
    this.draw();
  }

  pause() {
    clearInterval(this.timer);
    this.timer = 0;
    this.draw();
  }

  seek(seconds) {
    this.at = Math.min(Math.max(seconds, 0), this.length);
    if (this.at >= this.length) this.end();
    else this.draw();
  }

  // Seconds are those up to which it was watched; who never began has watched nothing.
  tell() {
    if (this.at <= this.told) return null;
    this.told = this.at;
    state.watched.set(this.item.video_id, this.at / this.length);
    const length = this.item.duration > 0 ? {} : { total_duration: this.length };
    return send(event(this.item, "watch", { duration_sec: this.at, ...length }));
  }

  async end() {
    this.pause();
    await this.follow(`Watched “${this.item.title}”`, true);
  }

  async stop() {
    this.pause();
    await this.follow(this.at < 0.05 * this.length ? `Left “${this.item.title}”` : `Watched some of “${this.item.title}”`, false);
  }

  async follow(words, isOver) {
    try {
      const sent = this.tell();
      if (sent) say(`${words} …`);
      await sent;
      if (sent) tellEffect(words);
    } catch {
      this.told = 0;
      say("That did not reach Marquee; stop again to send it again.");
    }
    try {
      const asked = { current_video: this.item.video_id, watch_time: this.at, total_duration: this.length, limit: 8 };
      const answer = await ask(pathOf("/api/v1/recommendations/up-next", asked));
      if (this.turn === state.turn && !this.timer) this.drawNext(answer, isOver);
    } catch {
      if (this.turn === state.turn) $("after").replaceChildren(make("p", { className: "notice", role: "alert", textContent: "What follows is not known right now. Watch again, go back, or go home." }));
    }
  }

  drawNext(answer, isOver) {
    const related = itemsOf(answer);
    const next = answer.up_next && itemOf(answer.up_next, { surface: "up-next", request_id: answer.request_id, position: 0 });
    const title = make("h2", { textContent: next ? "Up next" : "Nothing follows", id: "next-title" });
    const rest = related.length ? [make("h3", { textContent: "Or one of these", id: "related-title" }), make("div", { className: "row grid", "data-row": "related" }, cardList(related))] : [];
    const section = make("section", { className: "next", "aria-labelledby": title.id }, title, next ? this.nextCard(next) : make("p", { className: "empty", textContent: "There is nothing more that this viewer may be shown." }), rest);
    const hadFocus = document.activeElement === document.body || Boolean(document.activeElement?.closest(".player"));
    $("after").replaceChildren(section);
    (section.querySelector(".next-card") ?? section).scrollIntoView({ block: "center" });
    drawBehind(answer);
    if (!next) return;
    if (isOver && wantsAutoplay()) this.count(next, answer.up_next.autoplay_in_seconds, hadFocus);
    else announce(`Up next: ${next.title}. Nothing starts by itself.`);
  }

  nextCard(next) {
    const art = thumbnail(next);
    art.setAttribute("aria-hidden", "true");
    const now = clickable(make("a", { className: "primary", id: "play-next", href: address({ watch: next.video_id }), textContent: "▶ Play now", "aria-label": `Play now: ${next.title}` }), next);
    const cancel = make("button", { type: "button", className: "quiet", id: "cancel", textContent: "Cancel", hidden: true, "aria-label": "Cancel: play nothing by itself" });
    const always = make("input", { type: "checkbox", id: "autoplay", checked: wantsAutoplay() });
    always.addEventListener("change", () => {
      localStorage.setItem("autoplay", always.checked ? "yes" : "no");
      if (!always.checked) this.calmDown();
    });
    return make("div", { className: "next-card" }, art, make("div", {}, make("h3", { textContent: next.title }), make("p", { className: "reason", textContent: next.reason }), make("p", { className: "facts", textContent: facts(next) }),
      make("p", { className: "counting", id: "counting" }), make("p", { className: "buttons" }, now, cancel),
      make("p", { className: "fine" }, make("label", {}, always, " Play the next one by itself"))));
  }

  count(next, seconds, takesFocus) {
    const [cancel, line] = [$("cancel"), $("counting")];
    cancel.hidden = false;
    cancel.onclick = () => this.calmDown("Nothing plays by itself now.");
    if (takesFocus) cancel.focus({ preventScroll: true });
    announce(`Up next: ${next.title}, in ${seconds} seconds. Cancel with Escape.`);
    this.countdown = new Countdown(seconds, (left) => (line.textContent = `Starts in ${left} s`), () => go(address({ watch: next.video_id }), { play: true }));
  }

  calmDown(words) {
    if (!this.countdown) return;
    this.countdown.stop();
    this.countdown = null;
    const cancel = $("cancel");
    if (document.activeElement === cancel) $("play-next").focus();
    cancel.hidden = true;
    $("counting").textContent = words ?? "";
    if (words) announce(words);
  }

  escape() {
    if (!this.countdown) return false;
    this.calmDown("Nothing plays by itself now.");
    return true;
  }

  leave() {
    this.countdown?.stop();
    this.countdown = null;
    clearInterval(this.timer);
    this.timer = 0;
    this.tell()?.catch(() => {});
  }
}

const wantsAutoplay = () => localStorage.getItem("autoplay") !== "no";
