/** Server-sent events, parsed as the HTML standard says, from chunks cut anywhere. */

export interface ServerEvent {
  id: string | null;
  data: string;
}

export class EventParser {
  private rest = "";
  private id: string | null = null;
  private data: string[] = [];

  /** Take more text; get the events it completes. */
  push(chunk: string): ServerEvent[] {
    const events: ServerEvent[] = [];
    const lines = (this.rest + chunk).split(/\r\n|\n|\r(?!$)/);
    this.rest = lines.pop() ?? "";
    for (const line of lines) {
      if (line !== "") this.field(line);
      else if (this.data.length > 0) {
        events.push({ id: this.id, data: this.data.join("\n") });
        this.data = [];
      }
    }
    return events;
  }

  private field(line: string): void {
    const colon = line.indexOf(":");
    if (colon === 0) return; // a comment, such as a heartbeat
    const name = colon < 0 ? line : line.slice(0, colon);
    const value = colon < 0 ? "" : line.slice(colon + 1).replace(/^ /, "");
    if (name === "data") this.data.push(value);
    else if (name === "id") this.id = value;
  }
}

/** The server sends something every 15 seconds; a line that is silent for this long is dead. */
export const QUIET_MS = 45_000;

/** The line is dead, though nobody closed it: a proxy may keep its end open for ever. */
export class SilentError extends Error {
  override readonly name = "SilentError";
}

/** The events of a response, until it ends. Throws SilentError when no byte comes any more. */
export async function* readEvents(body: ReadableStream<Uint8Array>): AsyncGenerator<ServerEvent> {
  const reader = body.getReader();
  const decoder = new TextDecoder();
  const parser = new EventParser();
  try {
    for (;;) {
      const { value, done } = await unlessSilent(reader.read());
      if (done) return;
      yield* parser.push(decoder.decode(value, { stream: true }));
    }
  } finally {
    // Not waited for: of a dead line it might never be over.
    void reader.cancel().catch(() => undefined);
  }
}

function unlessSilent<T>(reading: Promise<T>): Promise<T> {
  return new Promise((resolve, reject) => {
    const timer = setTimeout(() => reject(new SilentError("The server fell silent.")), QUIET_MS);
    reading.then(resolve, reject).finally(() => clearTimeout(timer));
  });
}
