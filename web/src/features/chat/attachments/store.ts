/** Files that wait to be sent with the next question, by chat. */

import { create } from "zustand";

import { type Attachment, readAttachment } from "../../../api/attachments";
import { errorText } from "../../../ui/errorText";
import { showToast } from "../../../ui/toast";
import { localId } from "../message";

export interface Waiting {
  id: string;
  name: string;
  /** Null while the server reads it. */
  found: Attachment | null;
}

const NONE: readonly Waiting[] = [];

const useAll = create<{ byKey: Record<string, readonly Waiting[]> }>(() => ({ byKey: {} }));
const reading = new Map<string, Promise<void>>();

export function useWaiting(key: string): readonly Waiting[] {
  return useAll(({ byKey }) => byKey[key]) ?? NONE;
}

function change(key: string, make: (waiting: readonly Waiting[]) => readonly Waiting[]): void {
  useAll.setState(({ byKey }) => ({ byKey: { ...byKey, [key]: make(byKey[key] ?? NONE) } }));
}

/** Have the server read files; one that it refuses is named, with the reason, and left out. */
export function attach(key: string, files: Iterable<File>): void {
  for (const file of files) {
    const id = localId();
    change(key, (waiting) => [...waiting, { id, name: file.name || "file", found: null }]);
    const work = readAttachment(file).then(
      (found) =>
        change(key, (waiting) =>
          waiting.map((one) => (one.id === id ? { id, name: found.name, found } : one)),
        ),
      (error: unknown) => {
        remove(key, id);
        showToast({ tone: "error", text: errorText(error) });
      },
    );
    reading.set(
      id,
      work.finally(() => reading.delete(id)),
    );
  }
}

export function remove(key: string, id: string): void {
  change(key, (waiting) => waiting.filter((one) => one.id !== id));
}

/** The files for a question that is sent now, once the server has read them. */
export async function take(key: string): Promise<readonly Waiting[]> {
  const mine = () => useAll.getState().byKey[key] ?? NONE;
  await Promise.all(mine().map(({ id }) => reading.get(id)));
  const taken = mine();
  change(key, () => NONE);
  return taken;
}

/** A question was refused: its files wait again. */
export function giveBack(key: string, taken: readonly Waiting[]): void {
  change(key, (waiting) => [...taken, ...waiting]);
}
