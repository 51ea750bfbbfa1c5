import { afterEach, describe, expect, it, vi } from "vitest";

import { ApiError } from "./http";
import { QUIET_MS } from "./sse";
import { type TurnListener, followTurn, unseen } from "./turns";

const DONE = { type: "done", status: "complete", finish_reason: "stop", usage: null };
const delta = (text: string, offset: number) => ({ type: "delta", text, offset });

/** Whether the next line is silent for too long. */
let dead = false;

/** A server that answers each connection with the next of these lists, then hangs up. */
function serve(...connections: (object[] | Response | Error)[]) {
  const asked: string[] = [];
  vi.stubGlobal("sessionStorage", { getItem: () => null });
  // No test waits: every delay is over at once, but for the one that a line may be silent for.
  const never = setImmediate(() => undefined);
  vi.stubGlobal("setTimeout", (run: () => void, ms: number) => {
    if (ms === QUIET_MS && !dead) return never;
    dead &&= ms !== QUIET_MS;
    return setImmediate(run);
  });
  vi.stubGlobal("clearTimeout", clearImmediate);
  vi.stubGlobal("fetch", (path: string) => {
    if (path === "/health") return Promise.resolve(new Response());
    asked.push(path);
    const next = connections.shift();
    if (next === undefined) throw new Error("asked once too often");
    if (next instanceof Error) return Promise.reject(next);
    if (next instanceof Response) return Promise.resolve(next);
    const text = next.map((event) => `data: ${JSON.stringify(event)}\n\n`).join("");
    return Promise.resolve(new Response(text));
  });
  return asked;
}

const listening = (onText: (text: string) => void): TurnListener => ({
  onText,
  onStep: () => undefined,
  onTokens: () => undefined,
});

async function follow(offset = 0) {
  const said: string[] = [];
  const signal = new AbortController().signal;
  const ending = await followTurn("c", "t", offset, listening((text) => said.push(text)), signal);
  return { said: said.join(""), ending };
}

afterEach(() => {
  dead = false;
  vi.unstubAllGlobals();
});

describe("followTurn", () => {
  it("goes on where it was when the connection drops", async () => {
    const asked = serve([delta("Hello ", 6)], [delta("fox", 9), DONE]);
    expect(await follow()).toEqual({ said: "Hello fox", ending: DONE });
    expect(asked.map((path) => path.split("?")[1])).toEqual(["offset=0", "offset=6"]);
  });

  it("asks again when the line is dead, though nobody closed it", async () => {
    const asked = serve(new Response(new ReadableStream()), [delta("fox", 3), DONE]);
    dead = true;
    expect(await follow()).toEqual({ said: "fox", ending: DONE });
    expect(asked).toHaveLength(2);
  });

  it("says nothing twice when the server repeats a part", async () => {
    serve([delta("Hello ", 6)], [delta("lo ", 6), delta("o fox", 9), DONE]);
    expect((await follow()).said).toBe("Hello fox");
  });

  it("asks again instead of skipping a hole", async () => {
    const asked = serve([delta("ab", 2), delta("ef", 6)], [delta("cdef", 6), DONE]);
    expect((await follow()).said).toBe("abcdef");
    expect(asked[1]).toContain("offset=2");
  });

  it("counts code points, not UTF-16 units, as the server does", async () => {
    const asked = serve([delta("🦊🦊", 2)], [delta("!", 3), DONE]);
    expect((await follow()).said).toBe("🦊🦊!");
    expect(asked[1]).toContain("offset=2");
  });

  it("starts at what the page already shows", async () => {
    const asked = serve([delta("fox", 9), DONE]);
    expect((await follow(6)).said).toBe("fox");
    expect(asked[0]).toContain("offset=6");
  });

  it("tries again while the server is away or failing", async () => {
    serve(new TypeError("network"), new Response("", { status: 503 }), [delta("a", 1), DONE]);
    expect((await follow()).said).toBe("a");
  });

  it("tells calls of tools and probabilities, and goes on", async () => {
    const step = { id: "c", name: "calculator", arguments: "{}", status: "running", result: "" };
    const tokens = [{ offset: 0, token: "a", logprob: -0.5, top: [] }];
    serve([
      delta("a", 1),
      { type: "logprobs", number: 0, tokens },
      { type: "tool", number: 0, ...step, offset: 1 },
      delta("b", 2),
      DONE,
    ]);
    const heard: unknown[] = [];
    const listener: TurnListener = {
      onText: (text) => heard.push(text),
      onStep: (number, told) => heard.push([number, told]),
      onTokens: (number, told) => heard.push([number, told]),
    };
    await followTurn("c", "t", 0, listener, new AbortController().signal);
    expect(heard).toEqual(["a", [0, tokens], [0, { ...step, offset: 1 }], "b"]);
  });

  it("gives up when the turn does not exist", async () => {
    const error = { error: { message: "There is no such turn." } };
    serve(Response.json(error, { status: 404 }));
    await expect(follow()).rejects.toThrow(ApiError);
  });

  it("ends when nobody wants to hear any more", async () => {
    serve([delta("a", 1)]);
    const controller = new AbortController();
    const following = followTurn(
      "c",
      "t",
      0,
      listening(() => controller.abort()),
      controller.signal,
    );
    await expect(following).rejects.toThrow();
  });
});

describe("unseen", () => {
  it.each([
    ["cd", 4, 2, "cd"],
    ["abcd", 4, 2, "cd"],
    ["ab", 2, 2, ""],
    ["ab", 2, 9, ""],
    ["ef", 6, 2, null],
  ])("of %j ending at %i, with %i seen, is %j", (text, end, seen, expected) => {
    expect(unseen(text, end, seen)).toBe(expected);
  });
});
