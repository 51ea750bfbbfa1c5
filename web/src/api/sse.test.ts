import { afterEach, describe, expect, it, vi } from "vitest";

import { EventParser, QUIET_MS, SilentError, readEvents } from "./sse";

const STREAM = 'id: 3\ndata: {"a":1}\n\n: heartbeat\n\ndata: one\ndata: two\n\n';
const EVENTS = [
  { id: "3", data: '{"a":1}' },
  { id: "3", data: "one\ntwo" },
];

describe("EventParser", () => {
  it("reads the same events wherever the network cuts the stream", () => {
    for (const ending of ["\n", "\r\n", "\r"]) {
      const text = STREAM.replaceAll("\n", ending);
      for (let cut = 0; cut <= text.length; cut += 1) {
        const parser = new EventParser();
        const events = [...parser.push(text.slice(0, cut)), ...parser.push(text.slice(cut))];
        // A lone CR at the very end may still become CRLF, so the last event may have to wait.
        if (ending === "\r") events.push(...parser.push("\n"));
        expect(events, `${JSON.stringify(ending)} cut at ${cut}`).toEqual(EVENTS);
      }
    }
  });

  it("keeps spaces that belong to the data, dropping only the one after the colon", () => {
    expect(new EventParser().push("data:  x\n\n")).toEqual([{ id: null, data: " x" }]);
  });

  it("says nothing about an event that was cut off", () => {
    expect(new EventParser().push("data: half")).toEqual([]);
  });
});

afterEach(() => {
  vi.useRealTimers();
});

describe("readEvents", () => {
  it("gives a line up that no byte comes over, and lets go of it", async () => {
    // Behind a proxy that has lost the server the page stayed in the middle of an answer for ever.
    vi.useFakeTimers();
    const heartbeat = new TextEncoder().encode(": beat\n\n");
    let line: ReadableStreamDefaultController<Uint8Array> | undefined;
    let left = false;
    const body = new ReadableStream<Uint8Array>({
      start: (controller) => {
        line = controller;
      },
      cancel: () => {
        left = true;
      },
    });
    let over: unknown;
    const reading = readEvents(body)
      .next()
      .catch((error: unknown) => {
        over = error;
      });
    await vi.advanceTimersByTimeAsync(QUIET_MS - 1);
    line?.enqueue(heartbeat);
    await vi.advanceTimersByTimeAsync(QUIET_MS - 1);
    expect(over).toBeUndefined();
    await vi.advanceTimersByTimeAsync(1);
    await reading;
    expect(over).toBeInstanceOf(SilentError);
    expect(left).toBe(true);
  });

  it("joins a character whose bytes came in two chunks", async () => {
    const bytes = new TextEncoder().encode("data: 🦊\n\n");
    const body = new ReadableStream<Uint8Array>({
      start(controller) {
        for (const byte of bytes) controller.enqueue(new Uint8Array([byte]));
        controller.close();
      },
    });
    const events = [];
    for await (const event of readEvents(body)) events.push(event);
    expect(events).toEqual([{ id: null, data: "🦊" }]);
  });
});
