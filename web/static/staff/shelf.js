// What a device keeps until it is sent: marks, signatures and counts in IndexedDB, which survives a restart.

const NAME = "termbook-door", VERSION = 1;

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
      const change = base.transaction(store, mode);
      const asked = work(change.objectStore(store));
      change.oncomplete = () => resolve(asked?.result);
      change.onabort = change.onerror = () => reject(change.error);
    });
  } finally {
    base.close();
  }
}

/** Kept for good before anything says so. */
export const keep = (items) => within("items", "readwrite", (store) => { items.forEach((item) => store.put(item)); });
export const drop = (ids) => within("items", "readwrite", (store) => { ids.forEach((id) => store.delete(id)); });

/** In the order in which they were made. */
export async function kept() {
  const found = await within("items", "readonly", (store) => store.getAll());
  return found.sort((one, other) => one.order - other.order);
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
