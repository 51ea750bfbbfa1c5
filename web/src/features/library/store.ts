/** The library as the server tells it, and the one task that may be going on. */

import { create } from "zustand";

import { ApiError } from "../../api/http";
import {
  type Library,
  type NewTask,
  type Task,
  cancelTask,
  getLibrary,
  listTasks,
  removeModel,
  restoreModel,
  setDefault,
  startTask,
  watchTask,
} from "../../api/library";
import { errorText } from "../../ui/errorText";
import { t } from "../../ui/i18n";
import { showError, showToast } from "../../ui/toast";

interface State {
  library: Library | null;
  problem: string | null;
  /** The newest; it stays on show when it has ended, until it is put away. */
  task: Task | null;
}

export const useLibrary = create<State>(() => ({ library: null, problem: null, task: null }));

export function complain(error: unknown): void {
  showError(error);
}

export async function loadLibrary(): Promise<void> {
  try {
    useLibrary.setState({ library: await getLibrary(), problem: null });
  } catch (error) {
    useLibrary.setState({ problem: errorText(error) });
  }
}

let watching: AbortController | null = null;

/** Look at what is there, follow a task that was begun before, and see how the one on show ended
 * while nobody looked. */
export async function openLibrary(): Promise<void> {
  await loadLibrary();
  try {
    const tasks = await listTasks();
    const running = tasks.find(({ status }) => status === "running");
    if (running) {
      void follow(running);
      return;
    }
    const shown = useLibrary.getState().task;
    // A server that was restarted knows it no more: whatever it was, it goes on no longer.
    if (shown) useLibrary.setState({ task: tasks.find(({ id }) => id === shown.id) ?? null });
  } catch {
    // The list itself says what is wrong.
  }
}

export function closeLibrary(): void {
  watching?.abort();
}

async function follow(task: Task): Promise<void> {
  watching?.abort();
  const mine = new AbortController();
  watching = mine;
  useLibrary.setState({ task });
  try {
    for await (const state of watchTask(task.id, mine.signal)) useLibrary.setState({ task: state });
  } catch (error) {
    if (mine.signal.aborted) return;
    if (error instanceof ApiError && error.status === 404) {
      useLibrary.setState({ task: null });
      const text = t("The server was restarted before this was done: {name}. Begin it again; what was fetched already is not fetched twice.", { name: task.model });
      showToast({ tone: "error", text });
    } else complain(error);
  }
  if (!mine.signal.aborted) await loadLibrary();
}

/** Begin a task; the promise ends when it has begun. Throws what the server says. */
export async function begin(task: NewTask): Promise<void> {
  void follow(await startTask(task));
}

export async function cancel(id: string): Promise<void> {
  try {
    useLibrary.setState({ task: await cancelTask(id) });
  } catch (error) {
    complain(error);
  }
}

export function putTaskAway(): void {
  useLibrary.setState({ task: null });
}

export async function makeDefault(id: string): Promise<void> {
  try {
    const { kept } = await setDefault(id);
    showToast({
      tone: "plain",
      text: kept
        ? t("{name} answers from now on.", { name: id })
        : t("{name} answers until the server restarts: its settings name another.", { name: id }),
    });
    await loadLibrary();
  } catch (error) {
    complain(error);
  }
}

export async function remove(id: string): Promise<void> {
  try {
    const removed = await removeModel(id);
    await loadLibrary();
    showToast({
      tone: "plain",
      text: t("{name} was removed.", { name: id }),
      action: {
        label: t("Undo"),
        run: () => void restoreModel(removed.id).then(loadLibrary, complain),
      },
    });
  } catch (error) {
    complain(error);
  }
}
