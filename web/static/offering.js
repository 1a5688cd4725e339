// What it comes to while one ticks, with the clashes and the free places: of a cart, or of a change of a booking. The
// server computes all of it.

const form = document.querySelector("form[data-live]");
const summary = form?.querySelector("[data-summary]");
let asked = 0;

/** Whole terms and weeks tick their days along, so that one sees what is chosen. */
function tickAlong(box) {
  const days = box.dataset.all
    ? form.querySelectorAll(`[data-child="${box.dataset.all}"]`)
    : box.dataset.week ? form.querySelectorAll(`[data-of-week="${box.dataset.week}"]`) : [];
  days.forEach((day) => { day.checked = box.checked; });
  if (box.dataset.child && !box.checked) {
    form.querySelectorAll(`[data-all="${box.dataset.child}"], [data-week="${box.dataset.ofWeek}"]`).forEach((whole) => { whole.checked = false; });
  }
}

/** What one was at in the summary is still at hand in the new one. */
function replaceSummary(html) {
  const at = summary.contains(document.activeElement) ? document.activeElement.id : "";
  summary.innerHTML = html;
  if (at) document.getElementById(at)?.focus();
}

function show(answer) {
  replaceSummary(answer.html);
  form.querySelectorAll("[data-said]").forEach((place) => { place.textContent = answer.said ?? ""; });
  form.querySelectorAll("[data-bar]").forEach((bar) => { bar.hidden = !answer.said; });
  form.querySelectorAll("[data-clash]").forEach((place) => { place.hidden = true; place.textContent = ""; });
  form.querySelectorAll(".box.clash").forEach((box) => box.classList.remove("clash"));
  for (const { session, words, kind } of answer.left) {
    const said = form.querySelector(`[data-left="${session}"] > span`);
    if (said) Object.assign(said, { textContent: words, className: kind });
  }
  for (const clash of answer.clashes) {
    const place = form.querySelector(`[data-clash="${clash.box}"]`);
    if (!place) continue;
    place.textContent = clash.message;
    place.hidden = false;
    form.querySelector(`input[value="${clash.box}"]`)?.closest(".box").classList.add("clash");
  }
}

/** A price that is not the ticks' own says so: without a network, or where the server gives no answer. */
function mark(stale) {
  form.querySelectorAll("[data-stale]").forEach((line) => { line.hidden = line.dataset.stale !== stale; });
}

async function ask() {
  const mine = ++asked;
  const body = new URLSearchParams(new FormData(form));
  summary.setAttribute("aria-busy", "true");
  try {
    const response = await fetch(form.dataset.live, { method: "POST", body, headers: { Accept: "application/json" } });
    const answer = response.ok && !response.redirected ? await response.json() : null;
    // An answer that was overtaken by a later tick is not shown.
    if (mine !== asked) return;
    if (answer) show(answer);
    mark(answer ? "" : "answer");
  } catch {
    if (mine === asked) mark("network");
  } finally {
    if (mine === asked) summary.removeAttribute("aria-busy");
  }
}

let soon;
form?.addEventListener("change", (event) => {
  // How one pays is chosen of what is shown: it asks for nothing new.
  if (summary.contains(event.target) && !event.target.matches("[data-asks]")) return;
  tickAlong(event.target);
  clearTimeout(soon);
  soon = setTimeout(ask, 120);
});
