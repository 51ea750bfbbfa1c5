/** The API key a person typed, kept for this tab only and never written to disk by us. */

const NAME = "mini-claude:key";

export function readKey(): string | null {
  try {
    return sessionStorage.getItem(NAME);
  } catch {
    return null;
  }
}

export function saveKey(key: string): void {
  try {
    sessionStorage.setItem(NAME, key);
  } catch {
    // Storage is off: the key is asked for again on the next load.
  }
}
