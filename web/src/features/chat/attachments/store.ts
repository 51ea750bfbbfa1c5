/** Files that wait to be sent with the next question, by chat. */

import { create } from "zustand";

import { type Attachment, readAttachment } from "../../../api/attachments";
import { showError } from "../../../ui/toast";
import { localId } from "../message";
import { pictureType, tooMuch } from "./pictures";

export interface Waiting {
  id: string;
  name: string;
  /** Null while the server reads it, and for a picture. */
  found: Attachment | null;
  /** A picture, under the type that its bytes say. */
  picture: Blob | null;
}

/** Code points. */
const MAX_NAME = 120;

const NONE: readonly Waiting[] = [];

const useAll = create<{ byKey: Record<string, readonly Waiting[]> }>(() => ({ byKey: {} }));

export function useWaiting(key: string): readonly Waiting[] {
  return useAll(({ byKey }) => byKey[key]) ?? NONE;
}

export const hasFiles = (key: string): boolean => (useAll.getState().byKey[key] ?? NONE).length > 0;

/** Whether the server, or this page, has yet to read one of them. */
export function useReading(key: string): boolean {
  return useWaiting(key).some(isBeingRead);
}

export function isBeingRead({ found, picture }: Waiting): boolean {
  return found === null && picture === null;
}

function change(key: string, make: (waiting: readonly Waiting[]) => readonly Waiting[]): void {
  useAll.setState(({ byKey }) => ({ byKey: { ...byKey, [key]: make(byKey[key] ?? NONE) } }));
}

/** Take pictures as they are, and have the server read other files; one that is refused is named,
 * with the reason, and left out. */
export function attach(key: string, files: Iterable<File>): void {
  for (const file of files) {
    const id = localId();
    const name = Array.from(file.name).slice(-MAX_NAME).join("") || "file";
    change(key, (waiting) => [...waiting, { id, name, found: null, picture: null }]);
    read(key, file, name).then(
      (one) =>
        change(key, (waiting) =>
          waiting.map((other) => (other.id === id ? { id, ...one } : other)),
        ),
      (error: unknown) => {
        remove(key, id);
        showError(error);
      },
    );
  }
}

async function read(key: string, file: File, name: string): Promise<Omit<Waiting, "id">> {
  const type = await pictureType(file);
  if (type === null) {
    const found = await readAttachment(file);
    return { name: found.name, found, picture: null };
  }
  const others = (useAll.getState().byKey[key] ?? NONE).flatMap(({ picture }) => picture ?? []);
  const problem = tooMuch(name, file.size, others);
  if (problem !== null) throw new Error(problem);
  // Under its own type, whatever the file was called: nothing else may come of showing it.
  return { name, found: null, picture: new Blob([file], { type }) };
}

export function remove(key: string, id: string): void {
  change(key, (waiting) => waiting.filter((one) => one.id !== id));
}

/** The files for a question that is sent now; null, and they stay, while one is being read. */
export function take(key: string): readonly Waiting[] | null {
  const taken = useAll.getState().byKey[key] ?? NONE;
  if (taken.some(isBeingRead)) return null;
  change(key, () => NONE);
  return taken;
}

/** A question was refused: its files wait again. */
export function giveBack(key: string, taken: readonly Waiting[]): void {
  change(key, (waiting) => [...taken, ...waiting]);
}
