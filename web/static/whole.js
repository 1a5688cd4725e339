// At the office: a whole term or week ticks its sessions along, so that one sees what is chosen; the server does the same.

const form = document.querySelector("input[name=session]")?.form;

const boxes = (name, of = "") => form.querySelectorAll(`input[name=${name}]${of}`);

form?.addEventListener("change", ({ target }) => {
  const of = target.name === "week" ? `[data-of-week="${target.value}"]` : "";
  if (target.name === "term" || target.name === "week") boxes("session", of).forEach((box) => { box.checked = target.checked; });
  if (target.name === "term") boxes("week").forEach((box) => { box.checked = target.checked; });
  // What is taken out ends the whole that it was in.
  if (target.checked) return;
  if (target.name === "week" || target.name === "session") boxes("term").forEach((box) => { box.checked = false; });
  if (target.name === "session" && target.dataset.ofWeek) boxes("week", `[value="${target.dataset.ofWeek}"]`).forEach((box) => { box.checked = false; });
});
