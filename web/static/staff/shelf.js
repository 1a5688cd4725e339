// What a device keeps until it is sent: marks, signatures and counts in IndexedDB, which survives a restart.

const NAME = "termbook-door", VERSION = 1;
const NOTED = "termbook-noted:", SKEW = "termbook-skew", DEVICE = "termbook-device";

function opened() {
  return new Promise((resolve, reject) => {
    const asked = indexedDB.open(NAME, VERSION);
    asked.onupgradeneeded = () => {
      asked.result.createObjectStore("items", { keyPath: "id" });
      asked.result.createObjectStore("facts");
    };
    asked.onsuccess = () => resolve(asked.result);
    asked.onerror = () => reject(asked.error);
  });
}

async function within(store, mode, work) {
  const base = await opened();
  try {
    return await new Promise((resolve, reject) => {
      const change = base.transaction(store, mode, { durability: "strict" });
      const asked = work(change.objectStore(store));
      change.oncomplete = () => resolve(asked?.result);
      change.onabort = change.onerror = () => reject(change.error);
    });
  } finally {
    base.close();
  }
}

/** Written before the tap is over. A database takes its moment: whoever left the page in it, took the mark along. */
export function note(items) {
  for (const item of items) localStorage.setItem(NOTED + item.id, JSON.stringify(item));
}

/** What is noted and not in the database yet, of this page or of one that was left in that moment. */
function noted() {
  const keys = Object.keys(localStorage).filter((key) => key.startsWith(NOTED));
  return keys.map((key) => JSON.parse(localStorage.getItem(key))).filter(Boolean);
}

const forget = (ids) => ids.forEach((id) => localStorage.removeItem(NOTED + id));

/** Kept for good; the note has done its work. */
export async function keep(items) {
  await within("items", "readwrite", (store) => { items.forEach((item) => store.put(item)); });
  forget(items.map((item) => item.id));
}

export async function drop(ids) {
  await within("items", "readwrite", (store) => { ids.forEach((id) => store.delete(id)); });
  forget(ids);
}

/** In the order in which they were made. Notes are read first: they move into the database, never out of it. */
export async function kept() {
  const found = new Map(noted().map((item) => [item.id, item]));
  for (const item of await within("items", "readonly", (store) => store.getAll())) found.set(item.id, item);
  return [...found.values()].sort((one, other) => one.order - other.order);
}

/** How far this device's clock is behind the server's, which is the one that counts; nothing before it was told. */
export function skewMs() {
  const known = localStorage.getItem(SKEW);
  return known === null ? undefined : Number(known);
}

/** What the server said is a little past when it arrives, never ahead. */
export const learnClock = (serverNow) => localStorage.setItem(SKEW, Date.parse(serverNow) - Date.now());

/** The server's word for this moment. */
export const serverNow = () => new Date(Date.now() + (skewMs() ?? 0)).toISOString();

/** How this device is called: it never contradicts itself. */
export function deviceName() {
  if (!localStorage.getItem(DEVICE)) localStorage.setItem(DEVICE, `Tablet ${newId().slice(0, 4).toUpperCase()}`);
  return localStorage.getItem(DEVICE);
}

export const fact = (name) => within("facts", "readonly", (store) => store.get(name));
export const setFact = (name, value) => within("facts", "readwrite", (store) => store.put(value, name));

export function newId() {
  if (crypto.randomUUID) return crypto.randomUUID();
  const bytes = crypto.getRandomValues(new Uint8Array(16));
  bytes[6] = (bytes[6] & 15) | 64;
  bytes[8] = (bytes[8] & 63) | 128;
  const text = [...bytes].map((byte) => byte.toString(16).padStart(2, "0")).join("");
  return text.replace(/^(.{8})(.{4})(.{4})(.{4})/, "$1-$2-$3-$4-");
}
