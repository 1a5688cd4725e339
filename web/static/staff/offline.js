// The pages of the staff answer without a network: this installs their worker and lays in what they need.

const PAGES = "termbook-staff";
// How long to wait before each attempt to lay something in.
const PAUSES_MS = [0, 2000, 6000];
// As long as somebody who pressed a button waits for a word.
const PATIENCE_MS = 6000;
const PHOTOS = /\/staff\/rolls\/[\w-]+\/photos\/[\w-]+\?v=\w+/g;

/** Install the worker, and keep this page with its files, and those of `addresses`. */
export async function prepare(addresses = []) {
  if (!("serviceWorker" in navigator) || !window.isSecureContext) return;
  try {
    await navigator.serviceWorker.register("/staff/worker.js", { scope: "/staff" });
    // A page that was opened while the worker was still starting is not its own yet.
    if (!navigator.serviceWorker.controller) (await navigator.serviceWorker.ready).active?.postMessage("claim");
    const files = [...document.querySelectorAll("link[rel=stylesheet], link[rel=icon], link[rel=modulepreload], script[src]")]
      .map((element) => element.href || element.src);
    const modules = performance.getEntriesByType("resource").map((entry) => entry.name)
      .filter((name) => new URL(name).pathname.startsWith("/static/"));
    await layIn(await caches.open(PAGES), new Set([...files, ...modules, location.href.split("#")[0], ...addresses]));
  } catch {
    // Without a network there is nothing to lay in; what was laid in before is there.
  }
}

/** What does not come at once is asked for again: a roll that is missing would be missed at the door. */
async function layIn(store, addresses) {
  for (const pause of PAUSES_MS) {
    await new Promise((resolve) => { setTimeout(resolve, pause); });
    await Promise.all([...addresses].map(async (address) => {
      if (await keepFile(store, address)) addresses.delete(address);
    }));
    if (!addresses.size) return;
  }
}

/** Whether the address is dealt with: it is kept, or not to be kept. */
async function keepFile(store, address) {
  try {
    // Nobody looks at it yet: what is to be said on the next page is not said there.
    const answer = await fetch(address, { credentials: "same-origin", headers: { "X-Kept-Only": "yes" } });
    // Another page may have stood in for it: that is not kept in its place.
    if (answer.headers.get("X-From-Store")) return false;
    if (!answer.ok || answer.redirected) return true;
    const isPage = answer.headers.get("Content-Type")?.startsWith("text/html");
    const photos = isPage ? (await answer.clone().text()).match(PHOTOS) ?? [] : [];
    await store.put(address, answer);
    await Promise.all(photos.map((photo) => keepPhoto(store, photo)));
    return true;
  } catch {
    return false;
  }
}

/** The faces of a roll are small, and named by their content: one that is kept is not asked for again. */
async function keepPhoto(store, address) {
  if (await store.match(address)) return;
  const answer = await fetch(address, { credentials: "same-origin" });
  if (answer.ok) await store.put(address, answer);
}

/** A form that only the server answers waits for it: without an answer the browser would leave the page and what was
 * typed into it, and signing out would forget the pages all the same. Who presses finds out. */
export function waitForNetwork(refuse) {
  let sent;
  document.addEventListener("submit", async (event) => {
    const { target: form, submitter } = event;
    // A signature of the queue is kept on this device instead.
    if (form.method !== "post" || form === sent || form.dataset.signed) return;
    event.preventDefault();
    event.stopImmediatePropagation();
    submitter?.setAttribute("aria-busy", "true");
    const hasAnswer = await answers();
    submitter?.removeAttribute("aria-busy");
    if (!hasAnswer) {
      refuse();
      return;
    }
    sent = form;
    form.requestSubmit(submitter);
    sent = undefined;
  }, { capture: true });
}

/** Nothing stands in for this address. */
async function answers() {
  try {
    const asked = { credentials: "same-origin", signal: AbortSignal.timeout(PATIENCE_MS) };
    return (await fetch("/staff/words", asked)).status < 500;
  } catch {
    return false;
  }
}
