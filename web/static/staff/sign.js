// A page with a signature: what is drawn stays on this device until the server has it.

import { prepare } from "./offline.js";
import { Pad } from "./pad.js";
import { fact, setFact } from "./shelf.js";
import { announce, keepSignature } from "./unsent.js";

const form = document.querySelector("form[data-signed]");
const box = form?.querySelector("[data-pad]");
if (box) {
  const field = form.querySelector("[data-strokes]"), signOut = form.dataset.signed, drawing = `drawing-${signOut}`;
  const write = (pad) => { field.value = pad.isEmpty ? "" : JSON.stringify(pad.strokes); };
  const pad = new Pad(box, () => {
    write(pad);
    if (signOut) setFact(drawing, pad.strokes);
  });
  if (signOut) {
    const begun = await fact(drawing);
    if (begun?.length) {
      pad.show(begun);
      write(pad);
    }
    form.addEventListener("submit", async (event) => {
      if (pad.isEmpty) return;  // the server says that nothing was signed
      event.preventDefault();
      event.stopImmediatePropagation();
      const strokes = pad.strokes.filter((stroke) => stroke.length);
      form.hidden = true;
      const isSent = await keepSignature(signOut, form.dataset.name, strokes);
      await setFact(drawing, []);
      document.getElementById("signed-on").hidden = false;
      announce(isSent ? form.dataset.done : form.dataset.kept, isSent ? "done" : "warn");
    }, { capture: true });
  }
}
prepare();
