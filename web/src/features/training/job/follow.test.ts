import { afterEach, expect, it, vi } from "vitest";

import { keyGiven } from "../../../api/connection";
import type { JobEvent } from "../../../api/training";
import { followJob } from "./follow";

const said = (id: string) => ({ id, type: "message", message: id, level: "info", data: null });
const NO_KEY = () => Response.json({ error: { message: "No key." } }, { status: 401 });

function stream(...events: object[]) {
  const lines = events.map((event) => `data: ${JSON.stringify(event)}\n\n`);
  return new Response(lines.join(""));
}

/** A server that answers each request for events with the next of these, and lets nobody look at
 * the job while `shut`. */
function serve(...answers: (() => Response)[]) {
  const asked: string[] = [];
  const gate = { shut: false };
  vi.stubGlobal("sessionStorage", { getItem: () => null });
  vi.stubGlobal("fetch", (path: string) => {
    if (path.includes("/events")) {
      asked.push(new URLSearchParams(path.split("?")[1]).get("after") ?? "");
      return Promise.resolve((answers.shift() ?? (() => stream()))());
    }
    if (gate.shut) return Promise.resolve(NO_KEY());
    const body = path.includes("/checkpoints") ? { data: [] } : { id: "job", status: "succeeded" };
    return Promise.resolve(Response.json(body));
  });
  return { asked, gate };
}

function follow() {
  const controller = new AbortController();
  const heard: string[] = [];
  const problems: string[] = [];
  const listener = {
    onJob: () => undefined,
    onCheckpoints: () => undefined,
    onEvents: (batch: JobEvent[]) => heard.push(...batch.map(({ id }) => id)),
    onProblem: (problem: unknown) =>
      problems.push(problem instanceof Error ? problem.message : "none"),
  };
  followJob("job", listener, controller.signal);
  return { heard, problems, stop: () => controller.abort() };
}

afterEach(() => vi.unstubAllGlobals());

it("goes on when a key was given, and tells no event twice", async () => {
  const { asked } = serve(
    () => stream(said("1"), said("2"), { error: { message: "stopping" } }),
    NO_KEY,
    () => new Response(`data: ${JSON.stringify(said("3"))}\n\ndata: [DONE]\n\n`),
  );
  const { heard, problems, stop } = follow();
  await vi.waitFor(() => expect(problems.at(-1)).toBe("No key."), 10_000);
  keyGiven();
  await vi.waitFor(() => expect(heard).toEqual(["1", "2", "3"]), 10_000);
  await vi.waitFor(() => expect(problems.at(-1)).toBe("none"), 10_000);
  expect(asked).toEqual(["", "2", "2"]);
  stop();
}, 30_000);

it("opens a run that needed a key first, once there is one", async () => {
  const { asked, gate } = serve(() => new Response("data: [DONE]\n\n"));
  gate.shut = true;
  const { problems, stop } = follow();
  await vi.waitFor(() => expect(problems).toEqual(["No key."]), 10_000);
  gate.shut = false;
  keyGiven();
  await vi.waitFor(() => expect(problems.at(-1)).toBe("none"), 10_000);
  await vi.waitFor(() => expect(asked).toEqual([""]), 10_000);
  stop();
}, 30_000);
