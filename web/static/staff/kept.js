// A kept page that stands in for an answer says so (pieces.html), and gives way to the answer when it comes.

const RETRY_MS = 5000, BUSY_MS = 1000;
const page = document.documentElement, address = location.href.split("#")[0];

/** Somebody is in the middle of something: no page changes under their hands. */
export function isBusy() {
  const field = document.activeElement?.matches("input:not([type=hidden]), textarea") && document.activeElement.value !== "";
  const drawn = [...document.querySelectorAll("[data-strokes]")].some((strokes) => strokes.value);
  return Boolean(field || drawn || document.querySelector("dialog[open]"));
}

/** The worker tells when the answer is there: nobody asks twice. */
export const isAwaited = () => page.dataset.kept === "slow";
export const isKept = () => "kept" in page.dataset;

/** What is shown is the server's again. */
export const isTrue = () => { delete page.dataset.kept; };

/** `look` finds out whether there is an answer by now, and shows it; the page is asked for again where none is given. */
export function giveWay(look = lookAgain) {
  navigator.serviceWorker?.addEventListener("message", ({ data }) => {
    if (data.address !== address) return;
    if (data.hasCome) show();
    else {
      page.dataset.kept = "offline";
      look();
    }
  });
  if (isAwaited()) navigator.serviceWorker?.controller?.postMessage({ address });
  else if (isKept()) setTimeout(look, RETRY_MS);
}

function show() {
  if (isBusy()) setTimeout(show, BUSY_MS);
  else location.reload();
}

async function lookAgain() {
  try {
    const answer = await fetch(address, { credentials: "same-origin", headers: { "X-Kept-Only": "yes" } });
    if (!answer.headers.get("X-From-Store")) {
      show();
      return;
    }
  } catch {
    // Still none.
  }
  setTimeout(lookAgain, RETRY_MS);
}
