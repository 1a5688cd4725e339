// A page with a signature: what is drawn goes into its form.

import { Pad } from "./pad.js";

const form = document.querySelector("form[data-signed]");
const box = form?.querySelector("[data-pad]");
if (box) {
  const kept = form.querySelector("[data-strokes]");
  const pad = new Pad(box, () => { kept.value = pad.isEmpty ? "" : JSON.stringify(pad.strokes); });
}
