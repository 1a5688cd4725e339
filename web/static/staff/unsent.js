// What this device has not sent yet, said and sent on every page of the staff; the roll does so itself.

import { giveWay } from "./kept.js";
import { waitForNetwork } from "./offline.js";
import { deviceName, drop, keep, kept, learnClock, newId, note, serverNow } from "./shelf.js";
import { why as whyOf } from "./words.js";

const line = document.getElementById("sending"), told = document.getElementById("told");
const words = JSON.parse(line.dataset.words), userId = line.dataset.user;
const RETRY_MS = 5000, AT_ONCE = 200;

let isSending = false, isSignedOut = false, isOffline = false, retry;

const say = (text, facts) => text.replace(/\{(\w+)\}/g, (_, name) => facts[name] ?? "");
const mine = async () => (await kept()).filter((item) => item.user === userId && !item.refused);

async function tell() {
  const count = (await mine()).length, parts = [count ? say(words.unsent, { count }) : words.sent];
  if (isSignedOut) parts.push(words.signIn);
  else if (isOffline) parts.push(words.offline);
  line.hidden = false;
  line.classList.toggle("unsent", count > 0 || isOffline);
  line.textContent = parts.join(" · ");
  return count;
}

export function announce(text, kind, done) {
  const box = document.createElement("div"), inner = document.createElement("div");
  const said = document.createElement("p");
  box.className = `notice ${kind}`;
  box.setAttribute("role", "alert");
  said.textContent = text;
  inner.append(said);
  if (done) {
    const button = document.createElement("button");
    button.type = "button";
    button.textContent = words.seen;
    button.addEventListener("click", async () => { await done(); box.remove(); });
    inner.append(button);
  }
  box.append(inner);
  told.append(box);
  return box;
}

async function showRefused() {
  for (const item of (await kept()).filter((one) => one.user === userId && one.refused)) {
    if (told.querySelector(`[data-item="${item.id}"]`)) continue;
    const text = say(words.refused, { name: item.name, why: item.refused });
    announce(text, "bad", () => drop([item.id])).dataset.item = item.id;
  }
}

function bundleOf(items) {
  const of = (kind) => items.filter((item) => item.kind === kind).map((item) => ({ id: item.id, ...item.body }));
  return { device: deviceName(), marks: of("mark"), signatures: of("signature"), headcounts: of("headcount") };
}

/** Send what is kept, in its order; answers whether all of it is with the server. */
export async function send() {
  if (isSending) return false;
  isSending = true;
  clearTimeout(retry);
  try {
    for (let items = (await mine()).slice(0, AT_ONCE); items.length; items = (await mine()).slice(0, AT_ONCE)) {
      const answer = await fetch("/roll-bundles", {
        method: "POST", credentials: "same-origin", body: JSON.stringify(bundleOf(items)),
        headers: { "Content-Type": "application/json", "Act-As": "staff" },
      });
      isOffline = false;
      isSignedOut = answer.status === 401 || answer.status === 403;
      if (answer.status === 422) {
        const why = await whyOf([(await answer.json()).detail]);
        await keep(items.map((item) => ({ ...item, refused: why })));
      }
      if (!answer.ok) break;
      const said = await answer.json();
      learnClock(said.received_at);
      await settle(items, said.items);
    }
  } catch {
    isOffline = true;
  } finally {
    isSending = false;
  }
  await showRefused();
  const waiting = await tell();
  if (waiting) retry = setTimeout(send, RETRY_MS);
  return !waiting;
}

async function settle(items, answers) {
  const byId = new Map(items.map((item) => [item.id, item]));
  for (const answer of answers) {
    const item = byId.get(answer.id), why = await whyOf(answer.reasons.map((reason) => reason.message));
    // Most reasons name whom they are about.
    const text = why.includes(item.name) ? words.conflict : words.conflictOf;
    if (answer.outcome === "CONFLICT") announce(say(text, { name: item.name, why }), "warn");
    if (answer.outcome === "REFUSED") await keep([{ ...item, refused: why }]);
  }
  await drop(answers.filter((answer) => answer.outcome !== "REFUSED").map((answer) => answer.id));
}

/** Keep a signature on this device, then send it; answers whether the server has it. */
export async function keepSignature(signOutId, name, strokes) {
  const id = newId(), signed = {
    kind: "signature", id, order: Date.now(), user: userId, session: null, name,
    body: { sign_out_id: signOutId, strokes, signed_at: serverNow() },
  };
  note([signed]);
  await keep([signed]);
  await tell();
  await send();
  return !(await kept()).some((item) => item.id === id);
}

waitForNetwork(() => announce(words.needsNetwork, "warn", () => {}));
window.addEventListener("online", send);
document.addEventListener("visibilitychange", () => { if (!document.hidden) send(); });
giveWay();
tell().then(send);
