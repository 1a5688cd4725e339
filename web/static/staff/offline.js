// The pages of the staff answer without a network: this installs their worker and lays in what they need.

export const PAGES = "termbook-staff";

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
    const store = await caches.open(PAGES);
    await Promise.all([...new Set([...files, ...modules, location.href.split("#")[0], ...addresses])].map(
      async (address) => {
        const answer = await fetch(address, { credentials: "same-origin" });
        if (answer.ok && !answer.redirected) await store.put(address, answer);
      },
    ));
  } catch {
    // Without a network there is nothing to lay in; what was laid in before is there.
  }
}

/** Who signs out leaves no child's name behind. What is not sent stays until it is. */
export function forgetOnSignOut() {
  document.addEventListener("submit", (event) => {
    if (new URL(event.target.action, location.href).pathname === "/sign-out") caches?.delete(PAGES);
  });
}
