// The service worker of the staff pages: the network first, and where there is none what was kept, which says so.

const PAGES = "termbook-staff";
// The page that stands in for one that is not kept. It names nobody, and stays when its person signs out.
const AWAY = "termbook-away", AWAY_PAGE = "/staff/offline";
const PATIENCE_MS = 4000, FRESH_MS = 30_000;
const NO_ANSWER = new Set([502, 503, 504]);  // of what stands before a server that is down

// By address: answers that had not come when a kept page was shown instead. That page asks for them (kept.js).
const late = new Map();
// By the page that they lead to: what became of forms, "sent" or "lost".
const forms = new Map();

// How often somebody signed out: what was asked for before is kept no more.
let forgotten = 0;

class TooLate extends Error {}

self.addEventListener("install", (event) => {
  self.skipWaiting();
  event.waitUntil(layInAway());
});
self.addEventListener("activate", (event) => event.waitUntil(self.clients.claim()));

self.addEventListener("message", (event) => {
  const { data, source } = event;
  if (data === "forget") forgotten += 1;
  event.waitUntil({ claim: () => self.clients.claim(), forget: () => caches.delete(PAGES) }[data]?.()
    ?? tellWhenItComes(source, data.address));
});

self.addEventListener("fetch", (event) => {
  const { request } = event, { origin, pathname } = new URL(request.url), isRead = request.method === "GET";
  if (origin !== self.location.origin) return;
  if (pathname.startsWith("/static/") && isRead) event.respondWith(fromStore(request));
  // A word that cannot be asked for is said as it came: no page stands in for it.
  else if (pathname === "/staff/words" || !(pathname === "/staff" || pathname.startsWith("/staff/"))) return;
  else if (request.mode === "navigate") event.respondWith(isRead ? page(event) : sendForm(event));
  else if (isRead) event.respondWith(fromNetwork(request));
});

/** Files are named by their content. */
async function fromStore(request) {
  const found = await caches.match(request, { ignoreVary: true });
  if (found) return found;
  const turn = forgotten, answer = await fetch(request);
  if (answer.ok) await keep(request, answer, turn);
  return answer;
}

/** What a script asks for: it is told where a kept page answers. */
async function fromNetwork(request) {
  const kept = await keptPage(request), asked = ask(request);
  try {
    return await (kept ? patiently(asked) : asked);
  } catch (failure) {
    if (!kept) throw failure;
    const headers = new Headers(kept.headers);
    headers.set("X-From-Store", "yes");
    return new Response(kept.body, { status: kept.status, headers });
  }
}

/** What somebody opens: the answer, else what was kept of it, else a page of ours that says what to do. */
async function page(event) {
  const { request, resultingClientId } = event, address = addressOf(request), form = forms.get(resultingClientId);
  forms.delete(resultingClientId);
  const kept = await keptPage(request), waiting = late.get(address);
  const asked = waiting ?? ask(request);
  late.delete(address);
  try {
    const answer = await (kept ? patiently(asked) : asked);
    return form === "lost" ? marked(answer, { form }) : answer;
  } catch (failure) {
    if (failure instanceof TooLate) {
      event.waitUntil(holdLate(address, asked));
      return marked(kept, { kept: "slow", form });
    }
    const found = kept ?? await awayPage();
    if (!found) throw failure;
    return marked(found, { kept: "offline", form });
  }
}

/** Only the server answers a form. Without an answer one is back where one was, and reads that it may not have arrived. */
async function sendForm({ request, resultingClientId }) {
  try {
    const answer = heard(await fetch(request));
    if (answer.type === "opaqueredirect") forms.set(resultingClientId, "sent");
    return answer;
  } catch {
    forms.set(resultingClientId, "lost");
    const back = new URL(request.referrer || "/staff", self.location.origin);
    return Response.redirect(back.pathname.startsWith("/staff") ? back : "/staff", 303);
  }
}

/** The server's answer, kept for the next time. */
async function ask(request) {
  const turn = forgotten, answer = heard(await fetch(request));
  if (answer.ok && !answer.redirected) await keep(request, answer, turn);
  return answer;
}

async function keep(request, answer, turn) {
  if (turn === forgotten) await (await caches.open(PAGES)).put(request, answer.clone());
}

function heard(answer) {
  if (NO_ANSWER.has(answer.status)) throw new TypeError("no answer");
  return answer;
}

// To look opens no store: who signed out has none.
const keptPage = (request) => caches.match(request, { cacheName: PAGES, ignoreVary: true });
const awayPage = async () => await keptPage(AWAY_PAGE) ?? caches.match(AWAY_PAGE, { cacheName: AWAY, ignoreVary: true });
const addressOf = (request) => request.url.split("#")[0];

/** A network that does not answer is none, where there is a page to show instead. */
function patiently(asked) {
  return new Promise((resolve, reject) => {
    setTimeout(() => reject(new TooLate("no answer yet")), PATIENCE_MS);
    asked.then(resolve, reject);
  });
}

/** Who has left the page by then does not meet an old answer when they come back. */
async function holdLate(address, asked) {
  late.set(address, asked);
  await asked.catch(() => {});
  await new Promise((resolve) => { setTimeout(resolve, FRESH_MS); });
  if (late.get(address) === asked) late.delete(address);
}

async function tellWhenItComes(client, address) {
  const asked = late.get(address);
  client.postMessage({ address, hasCome: asked ? await asked.then(() => true, () => false) : false });
}

/** The page, which says by its own words (pieces.html) why it stands here. */
async function marked(answer, why) {
  const marks = Object.entries(why).filter(([, value]) => value).map(([name, value]) => ` data-${name}="${value}"`);
  const text = (await answer.text()).replace("<html", `<html${marks.join("")}`), headers = new Headers(answer.headers);
  for (const name of ["Content-Encoding", "Content-Length"]) headers.delete(name);
  return new Response(text, { status: answer.status, headers });
}

async function layInAway() {
  const store = await caches.open(AWAY), answer = await fetch(AWAY_PAGE, { credentials: "same-origin" });
  if (!answer.ok || answer.redirected) return;  // whoever is not signed in opens no page here either
  await store.addAll((await answer.clone().text()).match(/\/static\/[\w./-]+/g));
  await store.put(AWAY_PAGE, answer);
}
