// A field to sign on with a finger, a pen or a mouse. What is drawn is kept as strokes of whole numbers.

const WIDTH = 1000, HEIGHT = 400, MOST_POINTS = 2500;

export class Pad {
  /** `box` holds the canvas and the button that clears it; `changed` is told after each stroke. */
  constructor(box, changed = () => {}) {
    this.box = box;
    this.canvas = box.querySelector("canvas");
    this.ink = this.canvas.getContext("2d");
    this.changed = changed;
    this.strokes = [];
    box.hidden = false;
    this.canvas.addEventListener("pointerdown", (event) => this.begin(event));
    this.canvas.addEventListener("pointermove", (event) => this.draw(event));
    for (const end of ["pointerup", "pointercancel"]) this.canvas.addEventListener(end, () => this.end());
    box.querySelector("[data-pad-clear]").addEventListener("click", () => this.clear());
  }

  get isEmpty() {
    return this.strokes.reduce((points, stroke) => points + stroke.length, 0) < 2;
  }

  clear() {
    this.show([]);
    this.changed();
  }

  show(strokes) {
    this.strokes = strokes;
    this.ink.clearRect(0, 0, WIDTH, HEIGHT);
    for (const stroke of strokes) for (let n = 1; n < stroke.length; n += 1) this.line(stroke[n - 1], stroke[n]);
  }

  begin(event) {
    event.preventDefault();
    this.canvas.setPointerCapture(event.pointerId);
    this.stroke = [this.place(event)];
    this.strokes.push(this.stroke);
  }

  draw(event) {
    if (!this.stroke) return;
    const point = this.place(event), last = this.stroke.at(-1);
    const points = this.strokes.reduce((count, stroke) => count + stroke.length, 0);
    if (Math.hypot(point[0] - last[0], point[1] - last[1]) < 4 || points >= MOST_POINTS) return;
    this.stroke.push(point);
    this.line(last, point);
  }

  end() {
    if (!this.stroke) return;
    this.stroke = undefined;
    this.changed();
  }

  line(from, to) {
    this.ink.strokeStyle = "#111";
    this.ink.lineWidth = 6;
    this.ink.lineCap = "round";
    this.ink.beginPath();
    this.ink.moveTo(...from);
    this.ink.lineTo(...to);
    this.ink.stroke();
  }

  place(event) {
    const field = this.canvas.getBoundingClientRect();
    const within = (value, most) => Math.min(most, Math.max(0, Math.round(value)));
    return [within((event.clientX - field.left) / field.width * WIDTH, WIDTH),
      within((event.clientY - field.top) / field.height * HEIGHT, HEIGHT)];
  }
}
