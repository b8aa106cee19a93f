// Seconds to wait before something starts by itself. Who looks elsewhere is not counted down.

export class Countdown {
  constructor(seconds, tick, over) {
    this.left = seconds;
    this.tick = tick;
    this.over = over;
    this.timer = setInterval(() => this.step(), 1_000);
    tick(this.left);
  }

  step() {
    if (document.hidden) return;
    this.left -= 1;
    if (this.left > 0) return this.tick(this.left);
    this.stop();
    return this.over();
  }

  stop() {
    clearInterval(this.timer);
  }
}
