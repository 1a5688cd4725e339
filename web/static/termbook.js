// What every page gains with scripts; nothing needs them.

/** A form is sent once: its buttons rest until the answer is there. The server would answer twice the same anyway. */
function sendOnce(event) {
  const form = event.target;
  if (event.submitter?.formTarget) return;  // its answer goes to a frame: this page stays
  if (form.method !== "post" || form.dataset.sent) {
    if (form.dataset.sent) event.preventDefault();
    return;
  }
  form.dataset.sent = "yes";
  // After the browser has read the button that was pressed.
  setTimeout(() => form.querySelectorAll("button:not([type=button])").forEach((button) => { button.disabled = true; }));
}

/** Who signs out, from whatever page, leaves no roll behind on this device, nor one that is still being laid in. What is
 * not sent stays until it is. */
function forgetPages() {
  globalThis.caches?.delete("termbook-staff");
  navigator.serviceWorker?.getRegistration("/staff")?.then((found) => found?.active?.postMessage("forget"));
}

function forgetOnSignOut(event) {
  if (event.target.getAttribute("action") === "/sign-out") forgetPages();
}

/** Back on a page that the browser kept: its forms may be sent again. */
function wake(event) {
  if (!event.persisted) return;
  document.querySelectorAll("form[data-sent]").forEach((form) => {
    delete form.dataset.sent;
    form.querySelectorAll("button").forEach((button) => { button.disabled = false; });
  });
}

/** `<time data-until="…">` counts down; at the end the page is asked for again. */
function countDown(element) {
  const ends = Date.parse(element.dataset.until);
  const skew = Date.parse(element.dataset.now) - Date.now();
  const shown = element.querySelector("[data-counts]");
  const tick = () => {
    const left = Math.max(0, Math.round((ends - Date.now() - skew) / 1000));
    const minutes = Math.floor(left / 60);
    const time = minutes >= 60
      ? `${Math.floor(minutes / 60)}:${String(minutes % 60).padStart(2, "0")}:${String(left % 60).padStart(2, "0")}`
      : `${minutes}:${String(left % 60).padStart(2, "0")}`;
    // Of what ends after days nobody counts the seconds.
    shown.textContent = minutes < 24 * 60 ? element.dataset.words.replace("{}", time) : "";
    if (left > 0) setTimeout(tick, 1000);
    else setTimeout(() => location.reload(), 1500);
  };
  if (ends - skew > Date.now()) tick();
}

/** A menu closes by Escape and by a click elsewhere. */
function closeMenus(event) {
  document.querySelectorAll("details.menu[open]").forEach((menu) => {
    if (event.type === "keydown" ? event.key === "Escape" : !menu.contains(event.target)) {
      menu.open = false;
      if (event.type === "keydown") menu.querySelector("summary").focus();
    }
  });
}

/** `<a data-dialog="id">` opens a dialog in place of going to the page it leads to. */
function openDialog(event) {
  const opener = event.target.closest("[data-dialog]");
  const dialog = opener && document.getElementById(opener.dataset.dialog);
  if (!dialog || !dialog.showModal) return;
  event.preventDefault();
  dialog.showModal();
}

document.addEventListener("submit", sendOnce);
document.addEventListener("submit", forgetOnSignOut);
document.addEventListener("click", closeMenus);
document.addEventListener("click", openDialog);
document.addEventListener("keydown", closeMenus);
window.addEventListener("pageshow", wake);
document.querySelectorAll("[data-until]").forEach(countDown);
document.querySelectorAll("[data-submit-on-change]").forEach((form) => form.addEventListener("change", () => form.requestSubmit()));
document.querySelector("[data-focus]")?.focus();
document.documentElement.classList.add("has-scripts");
if (location.pathname.endsWith("/sign-in")) forgetPages();  // what was being laid in while somebody signed out
