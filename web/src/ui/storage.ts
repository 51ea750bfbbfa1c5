/** Small things remembered in this browser, or in this tab. Never throws: storage may be off or
 * full. */

const PREFIX = "mini-claude:";

export function recall<T>(name: string, fallback: T): T {
  return read(() => localStorage, name, fallback);
}

export function remember(name: string, value: unknown): void {
  write(() => localStorage, name, value);
}

/** As `recall`, of this tab alone; a reload keeps it. */
export function recallHere<T>(name: string, fallback: T): T {
  return read(() => sessionStorage, name, fallback);
}

export function rememberHere(name: string, value: unknown): void {
  write(() => sessionStorage, name, value);
}

function read<T>(storage: () => Storage, name: string, fallback: T): T {
  try {
    const text = storage().getItem(PREFIX + name);
    return text === null ? fallback : (JSON.parse(text) as T);
  } catch {
    return fallback;
  }
}

function write(storage: () => Storage, name: string, value: unknown): void {
  try {
    if (value === undefined || value === null || value === "") {
      storage().removeItem(PREFIX + name);
    } else {
      storage().setItem(PREFIX + name, JSON.stringify(value));
    }
  } catch {
    // Forgetting is all we can do.
  }
}
