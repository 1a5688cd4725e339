// What a page of the staff leads to is laid in, so that it opens without a network: today's rolls, missing signatures.

import { prepare } from "./offline.js";
import { learnClock, skewMs } from "./shelf.js";
import "./unsent.js";

const MOST = 60;

const leadsTo = [...document.querySelectorAll("a[data-lay-in]")].slice(0, MOST).map((link) => link.href);
const today = document.querySelector("[data-now]");
// How far this device's clock is off, for a roll that is opened without a network.
if (today && skewMs() === undefined) learnClock(today.dataset.now);
prepare([...leadsTo, "/staff", "/staff/signatures", "/staff/offline"]);
