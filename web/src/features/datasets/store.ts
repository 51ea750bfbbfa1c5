/** The datasets there are, and the one in the making. */

import { create } from "zustand";

import { type Dataset, deleteDataset, listDatasets } from "../../api/datasets";
import {
  type Preparation,
  cancelPreparation,
  followPreparation,
  listPreparations,
} from "../../api/preparations";
import { ApiError } from "../../api/http";
import { errorText } from "../../ui/errorText";
import { t } from "../../ui/i18n";
import { showError, showToast } from "../../ui/toast";

interface State {
  /** null until they are known. */
  items: Dataset[] | null;
  maxBytes: number;
  /** The last preparation, as long as it is worth showing. */
  making: Preparation | null;
  failed: string | null;
}

export const useDatasets = create<State>(() => ({
  items: null,
  maxBytes: 0,
  making: null,
  failed: null,
}));

/** Hidden, and deleted when they can no longer be brought back; of each, whether the server has
 * been asked to. */
const leaving = new Map<string, { sent: boolean }>();

export function messageOf(error: unknown): string {
  return errorText(error);
}

export function say(error: unknown): void {
  showError(error);
}

export async function refreshDatasets(): Promise<void> {
  try {
    const { data, max_file_bytes } = await listDatasets();
    const items = data.filter(({ name }) => !leaving.has(name));
    useDatasets.setState({ items, maxBytes: max_file_bytes, failed: null });
  } catch (error) {
    useDatasets.setState({ failed: messageOf(error) });
  }
}

/** What is being made in this home, whoever began it. */
export async function findPreparation(): Promise<void> {
  const { data } = await listPreparations().catch(() => ({ data: [] }));
  const running = data.find(({ status }) => status === "running");
  if (running) void watch(running);
}

let watched = "";

export async function watch(preparation: Preparation): Promise<void> {
  useDatasets.setState({ making: preparation });
  if (watched === preparation.id) return;
  watched = preparation.id;
  try {
    await followPreparation(preparation.id, (making) => {
      if (watched === preparation.id) useDatasets.setState({ making });
    });
  } catch (error) {
    dismissPreparation();
    const { name } = preparation;
    if (error instanceof ApiError && error.status === 404) {
      say(t("The server was restarted while it prepared {name}. Prepare the same file under that name again: it goes on where it stopped.", { name }));
    } else say(error);
  }
  await refreshDatasets();
}

export function dismissPreparation(): void {
  watched = "";
  useDatasets.setState({ making: null });
}

export async function cancelMaking(id: string): Promise<void> {
  try {
    useDatasets.setState({ making: await cancelPreparation(id) });
  } catch (error) {
    say(error);
  }
}

/** Take a dataset off the list and offer to bring it back. */
export function removeDataset(name: string): void {
  leaving.set(name, { sent: false });
  const items = useDatasets.getState().items?.filter((item) => item.name !== name) ?? null;
  useDatasets.setState({ items });
  showToast({
    tone: "plain",
    text: t("Deleted “{name}”.", { name }),
    action: {
      label: t("Undo"),
      run: () => {
        if (leaving.get(name)?.sent === false) leaving.delete(name);
        void refreshDatasets();
      },
      onLapsed: () => void settle(name),
    },
  });
}

async function settle(name: string, keepalive = false): Promise<void> {
  const entry = leaving.get(name);
  if (entry === undefined || entry.sent) return;
  entry.sent = true;
  try {
    await deleteDataset(name, { keepalive });
    leaving.delete(name);
  } catch (error) {
    leaving.delete(name);
    say(error);
    await refreshDatasets();
  }
}

// The page is closing: what was deleted a moment ago must not come back.
addEventListener("pagehide", () => {
  for (const name of leaving.keys()) void settle(name, true);
});
