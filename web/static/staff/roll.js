// The roll with scripts: one tap marks at once, is kept on this device, and sent when there is a network.

import { giveWay, isAwaited, isBusy, isKept, isTrue } from "./kept.js";
import { prepare, waitForNetwork } from "./offline.js";
import { Pad } from "./pad.js";
import { deviceName, drop, keep, kept, learnClock, newId, note, serverNow, skewMs } from "./shelf.js";
import { why as whyOf } from "./words.js";

const door = document.getElementById("door");
const words = JSON.parse(door.dataset.words);
const sessionId = door.dataset.session, userId = door.dataset.user;
const sending = document.getElementById("sending"), told = document.getElementById("told");
const RETRY_MS = 5000, CALM_MS = 1200, AT_ONCE = 200, BOUNCE_MS = 500, BOUNCE_PX = 24;

let order = Date.now(), isSending = false, isSignedOut = false, isOffline = false, calm, retry;
let unsent = 0, counting = 0;

const say = (text, facts) => text.replace(/\{(\w+)\}/g, (_, name) => facts[name] ?? "");
const rowOf = (id) => document.querySelector(`[data-row="${CSS.escape(id)}"]`);
const shownAt = new Intl.DateTimeFormat(document.documentElement.lang, { timeStyle: "short", timeZone: door.dataset.zone });
const clock = (moment) => shownAt.format(new Date(moment));

// --- marking ---

async function mark(row, status, more = {}, others = []) {
  const item = {
    kind: "mark", id: newId(), order: order += 1, user: userId, session: sessionId, name: row.dataset.name,
    body: {
      attendance_id: row.dataset.row, status, marked_at: serverNow(), seen_version: Number(row.dataset.version), ...more,
    },
  };
  await lay([item, ...others.map((make) => make(item))], () => show(row, item));
}

/** Note them at once, say so, keep them and send them: what the page shows is on this device. */
async function lay(items, shown) {
  try {
    note(items);
  } catch (full) {
    announce(words.notKept, "bad");
    throw full;
  }
  shown();
  counting += 1;  // who counts at this moment does not know of them
  unsent += items.length;
  sayUnsent();
  try {
    await keep(items);
  } finally {
    await tell();
    send();
  }
}

/** The row says what was marked, before anybody else knows. */
function show(row, item) {
  const { status, marked_at: at, collected_by: by, reason } = item.body;
  row.dataset.status = status;
  row.classList.add("is-unsent");
  row.querySelector("[data-said]").textContent = [
    words[status], ["PRESENT", "LATE", "LEFT"].includes(status) ? clock(at) : "", by, reason,
  ].filter(Boolean).join(" · ");
  count();
}

/** What was counted last, before it is compared. */
function showCount({ counted, counted_at: at }) {
  const line = document.querySelector("[data-counted]");
  line.classList.remove("fault", "quiet");
  line.textContent = say(words.counted, { count: counted, time: clock(at) });
}

function count() {
  const rows = [...document.querySelectorAll("[data-row]")].map((row) => row.dataset.status);
  const of = (...statuses) => rows.filter((status) => statuses.includes(status)).length;
  const counts = {
    all: rows.length - of("CANCELLED"), here: of("PRESENT", "LATE"), waiting: of("EXPECTED"), left: of("LEFT"),
    absent: of("ABSENT", "ABSENT_NOTIFIED"),
  };
  for (const [name, number] of Object.entries(counts)) {
    const shown = document.querySelector(`[data-count="${name}"]`);
    if (shown) shown.textContent = number;
  }
}

// --- sending ---

const mine = async () => (await kept()).filter((item) => item.user === userId && !item.refused);

async function tell() {
  const turn = counting += 1, found = (await mine()).length;
  if (turn === counting) {  // who asked later knows better
    unsent = found;
    sayUnsent();
  }
  return found;
}

function sayUnsent() {
  sending.hidden = false;
  sending.classList.toggle("unsent", unsent > 0 || isOffline);
  const parts = [unsent ? say(words.unsent, { count: unsent }) : words.sent];
  if (isSignedOut) parts.push(words.signIn);
  else if (isOffline) parts.push(words.offline);
  sending.textContent = parts.join(" · ");
}

function bundleOf(items) {
  const of = (kind) => items.filter((item) => item.kind === kind).map((item) => ({ id: item.id, ...item.body }));
  return { device: deviceName(), marks: of("mark"), signatures: of("signature"), headcounts: of("headcount") };
}

async function send() {
  if (isSending) return;
  isSending = true;
  clearTimeout(retry);
  try {
    for (let items = await next(); items.length; items = await next()) {
      const answer = await fetch("/roll-bundles", {
        method: "POST", credentials: "same-origin", body: JSON.stringify(bundleOf(items)),
        headers: { "Content-Type": "application/json", "Act-As": "staff" },
      });
      isOffline = false;
      isSignedOut = answer.status === 401 || answer.status === 403;
      if (!answer.ok) {
        if (answer.status === 422) await refuse(items, await whyOf([(await answer.json()).detail]));
        break;
      }
      const said = await answer.json();
      learnClock(said.received_at);
      await settle(items, said.items);
    }
  } catch {
    isOffline = true;
  } finally {
    isSending = false;
  }
  if (await tell()) retry = setTimeout(send, RETRY_MS);
  else refreshSoon();
}

/** Marks before their signatures: a bundle holds them in this order too. */
async function next() {
  const waiting = await mine();
  await tell();
  return waiting.slice(0, AT_ONCE / 2);
}

/** What was taken or known is the server's now; a conflict is kept there for a person; a refusal stays here until it
 * was seen. */
async function settle(items, answers) {
  const byId = new Map(items.map((item) => [item.id, item]));
  const done = answers.filter((answer) => answer.outcome !== "REFUSED").map((answer) => answer.id);
  for (const answer of answers) {
    const item = byId.get(answer.id), why = await whyOf(answer.reasons.map((reason) => reason.message));
    // Most reasons name whom they are about.
    const text = why.includes(item.name) ? words.conflict : words.conflictOf;
    if (answer.outcome === "CONFLICT") announce(say(text, { name: item.name, why }), "warn");
    if (answer.outcome === "REFUSED") await keep([{ ...item, refused: why }]);
  }
  await drop(done);
  const waiting = new Set((await mine()).map((item) => item.body.attendance_id));
  for (const row of document.querySelectorAll(".is-unsent")) row.classList.toggle("is-unsent", waiting.has(row.dataset.row));
  await showRefused();
}

async function refuse(items, why) {
  await keep(items.map((item) => ({ ...item, refused: why })));
  await showRefused();
}

function announce(text, kind, done) {
  const same = [...told.children].find((one) => one.querySelector("p").textContent === text);
  if (same && !done) return same;
  const box = document.createElement("div");
  box.className = `notice ${kind}`;
  box.setAttribute("role", "alert");
  const inner = document.createElement("div"), line = document.createElement("p"), button = document.createElement("button");
  line.textContent = text;
  button.type = "button";
  button.textContent = words.seen;
  button.addEventListener("click", async () => { await done?.(); box.remove(); });
  inner.append(line, button);
  box.append(inner);
  told.append(box);
  return box;
}

async function showRefused() {
  for (const item of (await kept()).filter((one) => one.user === userId && one.refused)) {
    if (told.querySelector(`[data-item="${item.id}"]`)) continue;
    const facts = { name: [item.name, words[item.body.status]].filter(Boolean).join(", "), why: item.refused };
    announce(say(words.refused, facts), "bad", () => drop([item.id])).dataset.item = item.id;
  }
}

// --- the page as the server has it ---

function refreshSoon() {
  clearTimeout(calm);
  calm = setTimeout(refresh, CALM_MS);
}

/** The server's page stands in for what is shown, and is kept for the next time without a network. */
async function refresh() {
  clearTimeout(calm);
  if (isAwaited()) return;
  const isLookedAt = async () => !isBusy() && !(await mine()).length;
  try {
    if (await isLookedAt()) {
      const page = await asTheServerHasIt();
      isOffline = page === null;
      if (page && await isLookedAt()) put(page);
    }
  } catch {
    isOffline = true;
  }
  await tell();
  if (isOffline || isKept()) calm = setTimeout(refresh, RETRY_MS);
}

/** The roll on the server's page; null where a kept page answered, nothing where it is no roll any more. */
async function asTheServerHasIt() {
  const address = location.href.split("#")[0];
  const answer = await fetch(address, { credentials: "same-origin", headers: { "X-Kept-Only": "yes" } });
  if (answer.headers.get("X-From-Store")) return null;
  if (!answer.ok || answer.redirected) return undefined;
  return new DOMParser().parseFromString(await answer.text(), "text/html").getElementById("door");
}

function put(page) {
  learnClock(page.dataset.now);
  const focused = document.activeElement?.id, at = window.scrollY;
  document.getElementById("roll").replaceWith(document.adoptNode(page.querySelector("#roll")));
  if (focused) document.getElementById(focused)?.focus({ preventScroll: true });
  window.scrollTo({ top: at, behavior: "instant" });
  isTrue();
}

// --- signing out ---

const out = document.getElementById("out");
const at = (id) => document.getElementById(`out-${id}`);
const pad = new Pad(out.querySelector("[data-pad]"));
let leaving;

function openOut(row) {
  leaving = row;
  const people = JSON.parse(row.dataset.people), mustNot = JSON.parse(row.dataset.mustNot);
  at("name").textContent = row.dataset.name;
  at("must").hidden = mustNot.length === 0;
  at("must").querySelector("p").textContent = mustNot.map((person) => say(words.mustNot, { person, name: row.dataset.name })).join(" ");
  const choices = people.map((person, number) => choice(person.name, [person.relationship, person.phone], number));
  if (!row.dataset.list && people.length) choices.push(choice(words.other, [], "other"));
  at("people").replaceChildren(...choices);
  at("who").hidden = choices.length === 0;
  for (const id of ["other", "pin"]) at(id).value = "";
  at("later").checked = false;
  at("fault").hidden = true;
  pad.clear();
  choose();
  out.showModal();
}

function choice(name, more, value) {
  const label = document.createElement("label"), input = document.createElement("input");
  const text = document.createElement("span"), strong = document.createElement("strong");
  label.className = "choice-card";
  Object.assign(input, { type: "radio", name: "out-who", value: String(value) });
  strong.textContent = name;
  text.append(strong, ...more.filter(Boolean).map((part) => ` · ${part}`));
  label.append(input, text);
  return label;
}

function chosen() {
  const value = out.querySelector("input[name=out-who]:checked")?.value;
  const people = JSON.parse(leaving.dataset.people);
  if (value !== undefined && value !== "other") return people[Number(value)];
  const name = at("other").value.trim();
  return (value === "other" || !people.length) && name ? { id: null, name, hasPin: false } : undefined;
}

function choose() {
  const value = out.querySelector("input[name=out-who]:checked")?.value, isList = Boolean(leaving.dataset.list);
  at("other-field").hidden = isList || !(value === "other" || JSON.parse(leaving.dataset.people).length === 0);
  at("pin-field").hidden = !chosen()?.hasPin;
}

const wrong = (text) => { at("fault").textContent = text; at("fault").hidden = false; };
const folded = (name) => name.normalize("NFKC").toLocaleLowerCase().split(/\s+/).filter(Boolean).join(" ");

async function signOut() {
  const person = chosen(), name = leaving.dataset.name;
  if (!person) return wrong(words.chooseWho);
  if (JSON.parse(leaving.dataset.mustNot).some((one) => folded(one) === folded(person.name))) {
    return wrong(say(words.mustNot, { person: person.name, name }));
  }
  const body = { collected_by: person.name };
  if (person.id) body.person_id = person.id;
  const pin = person.hasPin ? at("pin").value.trim() : "";
  if (pin) {
    const proof = await prove(person.id, pin);
    if (!proof) return undefined;
    body.pin_proof = proof;
  } else if (pad.isEmpty && !at("later").checked) return wrong(words.prove);
  const strokes = pad.isEmpty ? [] : pad.strokes.filter((stroke) => stroke.length);
  const signature = (item) => ({
    kind: "signature", id: newId(), order: order += 1, user: userId, session: sessionId, name,
    body: { sign_out_id: item.id, strokes, signed_at: item.body.marked_at },
  });
  const row = leaving;
  out.close();
  return mark(row, "LEFT", body, strokes.length ? [signature] : []);
}

/** The PIN is checked by the server and kept nowhere; without a network they sign. */
async function prove(personId, pin) {
  try {
    const answer = await fetch(`/authorised-people/${personId}/pin-proofs`, {
      method: "POST", credentials: "same-origin", body: JSON.stringify({ pin }),
      headers: { "Content-Type": "application/json", "Act-As": "staff" },
    });
    const said = await answer.json();
    if (answer.ok) return said.proof;
    wrong(said.code === "wrong_pin" || answer.status === 422 ? words.wrongPin : await whyOf([said.detail]));
    at("pin").value = "";
    at("pin").focus();
  } catch {
    wrong(words.noNetworkPin);
  }
  return undefined;
}

// --- what people do ---

/** The form is not sent by the browser, and nobody else takes it for sent. */
function stop(event) {
  event.preventDefault();
  event.stopImmediatePropagation();
}

document.addEventListener("submit", (event) => {
  const form = event.target;
  if (form.matches("form[data-mark]")) {
    stop(event);
    const [status, reason] = (event.submitter?.value ?? "").split(/:(.*)/);
    const row = form.closest("[data-row]");
    mark(row, status, reason ? { reason } : {}).then(() => focusOn(row));
  } else if (form.matches("form[data-headcount]")) {
    stop(event);
    const body = { session_id: sessionId, counted: Number(form.elements.counted.value), counted_at: serverNow() };
    form.elements.counted.value = "";
    lay([{ kind: "headcount", id: newId(), order: order += 1, user: userId, session: sessionId, name: "", body }],
      () => showCount(body));
  } else if (form.matches("form[data-closing]") && sending.classList.contains("unsent")) {
    stop(event);
    announce(words.sendFirst, "warn");
    send();
  }
}, { capture: true });

waitForNetwork(() => announce(words.needsNetwork, "warn"));

// Under a finger that bounces another button has come already, of the row or, where the dialog closed, of another child:
// the rest of a tap does nothing.
let lastTap = { timeStamp: -Infinity };

document.addEventListener("click", (event) => {
  const onRow = event.target.closest(".roll-acts button, .roll-acts a");
  if (!event.detail || !(onRow || event.target.closest("#out button"))) return;  // no key is at a place
  const isSoon = event.timeStamp - lastTap.timeStamp < BOUNCE_MS;
  const isThere = Math.hypot(event.clientX - lastTap.clientX, event.clientY - lastTap.clientY) < BOUNCE_PX;
  lastTap = event;
  if (onRow && isSoon && isThere) stop(event);
}, { capture: true });

/** After a tap of the keyboard the next thing to do has the focus. */
function focusOn(row) {
  if (document.activeElement !== document.body && document.activeElement?.offsetParent) return;
  const shown = [...row.querySelectorAll(".acts button, .acts a")].find((one) => one.offsetParent);
  shown?.focus({ preventScroll: true });
}

document.addEventListener("click", (event) => {
  const link = event.target.closest("a[data-out]");
  if (!link) return;
  event.preventDefault();
  openOut(link.closest("[data-row]"));
});
out.addEventListener("change", choose);
out.addEventListener("input", choose);
at("form").addEventListener("submit", (event) => { event.preventDefault(); signOut(); });
at("done").addEventListener("click", signOut);
at("cancel").addEventListener("click", () => out.close());
window.addEventListener("online", send);
document.addEventListener("visibilitychange", () => { if (!document.hidden) send(); });

async function begin() {
  const left = await mine(), tapped = [...document.querySelectorAll(".is-unsent")];  // who tapped meanwhile knows better
  for (const item of left) {
    const row = item.session === sessionId && item.kind === "mark" ? rowOf(item.body.attendance_id) : undefined;
    if (row && !tapped.includes(row)) show(row, item);
    if (item.session === sessionId && item.kind === "headcount") showCount(item.body);
  }
  await showRefused();
  await tell();
  send();
  giveWay(refresh);
  prepare();
}

// A page that comes from this device's own store tells an old time: what was learned before still holds.
if (skewMs() === undefined) learnClock(door.dataset.now);
begin();
