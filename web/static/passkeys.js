// Passkeys: a form whose button asks the browser to make a key, or to sign with one, and sends what it answers.

const toBytes = (text) => Uint8Array.from(atob(text.replaceAll("-", "+").replaceAll("_", "/")), (one) => one.charCodeAt(0));
const toText = (bytes) => btoa(String.fromCharCode(...new Uint8Array(bytes)))
  .replaceAll("+", "-").replaceAll("/", "_").replace(/=+$/, "");

/** The options as the browser takes them: what JSON can only write as text becomes bytes. */
function withBytes(options) {
  options.challenge = toBytes(options.challenge);
  if (options.user) options.user.id = toBytes(options.user.id);
  for (const name of ["excludeCredentials", "allowCredentials"]) {
    for (const known of options[name] ?? []) known.id = toBytes(known.id);
  }
  return options;
}

/** What the device said, as JSON again. */
function asJson(found) {
  const response = {};
  for (const name of ["clientDataJSON", "attestationObject", "authenticatorData", "signature", "userHandle"]) {
    if (found.response[name]) response[name] = toText(found.response[name]);
  }
  return JSON.stringify({ id: found.id, rawId: toText(found.rawId), type: found.type, response });
}

async function ask(form) {
  const answer = await fetch(form.dataset.options, { headers: { Accept: "application/json, text/html" } });
  if (!answer.ok) throw new Error(`options: ${answer.status}`);
  const publicKey = withBytes(await answer.json());
  return form.dataset.passkey === "add"
    ? navigator.credentials.create({ publicKey })
    : navigator.credentials.get({ publicKey });
}

/** The form is shown only where the browser can do it; the person may say no, or have no key. */
document.querySelectorAll("form[data-passkey]").forEach((form) => {
  if (!window.PublicKeyCredential) return;
  form.hidden = false;
  const failed = form.querySelector("[data-failed]");
  form.querySelector("[data-ask]").addEventListener("click", async (event) => {
    failed.hidden = true;
    if (!form.reportValidity()) return;
    const button = event.currentTarget;
    button.disabled = true;
    try {
      form.elements.answer.value = asJson(await ask(form));
      form.requestSubmit();
    } catch {
      failed.hidden = false;
    } finally {
      button.disabled = false;
    }
  });
});
