import { afterEach, expect, it, vi } from "vitest";

import type { Task } from "../../api/library";
import { openLibrary, useLibrary } from "./store";

const RUNNING: Task = {
  id: "t",
  kind: "pull",
  model: "org/new",
  to: null,
  status: "running",
  done: 1,
  total: 2,
  file: "",
  notes: [],
  result: null,
  error: null,
};

/** A server with these tasks. */
function serve(...tasks: Task[]) {
  vi.stubGlobal("sessionStorage", { getItem: () => null });
  vi.stubGlobal("fetch", (path: string) =>
    Promise.resolve(Response.json(path === "/library/tasks" ? { data: tasks } : {})),
  );
}

afterEach(() => {
  vi.unstubAllGlobals();
  useLibrary.setState({ task: null });
});

it("says how a task ended while another page was open", async () => {
  // It was shown as running for ever, for only running ones were looked for.
  useLibrary.setState({ task: RUNNING });
  serve({ ...RUNNING, id: "later", status: "failed" }, { ...RUNNING, status: "succeeded" });
  await openLibrary();
  expect(useLibrary.getState().task).toMatchObject({ id: "t", status: "succeeded" });
});

it("shows no task that a restarted server does not know, and none that was put away", async () => {
  useLibrary.setState({ task: RUNNING });
  serve();
  await openLibrary();
  expect(useLibrary.getState().task).toBeNull();
  serve({ ...RUNNING, status: "succeeded" });
  await openLibrary();
  expect(useLibrary.getState().task).toBeNull();
});
