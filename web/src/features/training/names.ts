import { create } from "zustand";

import { listFiles } from "../../api/files";

/** Uploaded files' own names, by their ids. */
export const useFileNames = create<{ names: ReadonlyMap<string, string> }>(() => ({
  names: new Map(),
}));

/** A name that cannot be fetched is no reason to disturb anybody: the id is shown instead. */
export async function loadFileNames(): Promise<void> {
  try {
    const { data } = await listFiles();
    useFileNames.setState({ names: new Map(data.map(({ id, filename }) => [id, filename])) });
  } catch {
    // Kept as they were.
  }
}
