// What the server refuses is said in English to programs; the pages say it as their reader does.

/** Why, of the reasons or the one message of an answer, in the language of the page. Without an answer, as it came. */
export async function why(messages) {
  const plain = messages.join(" ");
  if (!plain || document.documentElement.lang.startsWith("en")) return plain;
  try {
    const asked = new URLSearchParams(messages.map((message) => ["say", message]));
    const answer = await fetch(`/staff/words?${asked}`, { credentials: "same-origin", headers: { Accept: "application/json" } });
    return answer.ok ? (await answer.json()).said : plain;
  } catch {
    return plain;
  }
}
