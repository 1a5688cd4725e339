// The page that stands in for one that is not kept: what is not sent yet is said here too.

import { giveWay } from "./kept.js";
import { kept } from "./shelf.js";

const line = document.getElementById("sending"), count = (await kept()).length;
if (count) {
  line.hidden = false;
  line.textContent = line.dataset.unsent.replace("{count}", count);
}
giveWay();
