// The service worker of the staff pages: the network first, and where there is none what was kept.

const PAGES = "termbook-staff";
const PATIENCE_MS = 4000;

self.addEventListener("install", () => self.skipWaiting());
self.addEventListener("activate", (event) => event.waitUntil(self.clients.claim()));

self.addEventListener("message", (event) => event.waitUntil(self.clients.claim()));

self.addEventListener("fetch", (event) => {
  const { request } = event, { origin, pathname } = new URL(request.url);
  if (request.method !== "GET" || origin !== self.location.origin) return;
  if (pathname.startsWith("/static/")) event.respondWith(fromStore(request));
  // A word that cannot be asked for is said as it came: no page stands in for it.
  else if (pathname === "/staff/words") return;
  else if (pathname === "/staff" || pathname.startsWith("/staff/")) event.respondWith(fromNetwork(request));
});

/** Files are named by their content. */
async function fromStore(request) {
  const store = await caches.open(PAGES), found = await store.match(request, { ignoreVary: true });
  if (found) return found;
  const answer = await fetch(request);
  if (answer.ok) await store.put(request, answer.clone());
  return answer;
}

async function fromNetwork(request) {
  const store = await caches.open(PAGES), kept = await store.match(request, { ignoreVary: true });
  const asked = fetch(request).then(async (answer) => {
    if (answer.ok && !answer.redirected) await store.put(request, answer.clone());
    return answer;
  });
  asked.catch(() => {});
  try {
    return await (kept ? patiently(asked) : asked);
  } catch (failure) {
    // A page stands in for a page, never for a photo: under that the letters of the name show.
    const isPhoto = request.destination === "image";
    const found = kept ?? (isPhoto ? undefined : await store.match("/staff", { ignoreVary: true }));
    if (!found) throw failure;
    const headers = new Headers(found.headers);
    headers.set("X-From-Store", "yes");
    return new Response(found.body, { status: found.status, headers });
  }
}

/** A network that does not answer is none, where there is a page to show instead. */
function patiently(asked) {
  return new Promise((resolve, reject) => {
    setTimeout(() => reject(new TypeError("no answer")), PATIENCE_MS);
    asked.then(resolve, reject);
  });
}
