// Today's rolls are laid in, so that each opens without a network.

import { prepare } from "./offline.js";
import { learnClock, skewMs } from "./shelf.js";
import "./unsent.js";

const rolls = [...document.querySelectorAll("a[data-roll]")].map((link) => link.href);
const today = document.querySelector("[data-now]");
// How far this device's clock is off, for a roll that is opened without a network.
if (skewMs() === undefined) learnClock(today.dataset.now);
prepare(rolls);
