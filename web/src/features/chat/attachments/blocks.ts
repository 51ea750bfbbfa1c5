/** A question, and the files that were put into it, as the server's blocks name them. */

export interface Block {
  name: string;
  text: string;
}

const HEAD = /\n\n<attachment name="([^"<>]*)" characters="(\d{1,7})">\n/gu;
const HEAD_HERE = new RegExp(HEAD.source, "yu");
const TAIL = "\n</attachment>";

interface Split {
  question: string;
  blocks: Block[];
  tail: string;
}

/** What the person wrote, and the files after it. Text that only looks like a block is text. */
export function split(content: string): Split {
  const nothing = { question: content, blocks: [], tail: "" };
  if (!content.endsWith(TAIL)) return nothing;
  const further = stepper(content);
  const tried = new Set<number>();
  for (const { index } of content.matchAll(HEAD)) {
    const blocks = readBlocks(content, index, further, tried);
    if (blocks !== null) {
      return { question: content.slice(0, index), blocks, tail: content.slice(index) };
    }
  }
  return nothing;
}

/** The question with files after it. tail: as `split` gave it. */
export const joined = (question: string, blocks: readonly string[], tail = ""): string =>
  [question, ...blocks].join("\n\n") + tail;

type Stepper = (from: number, steps: number) => number;

/** All of a text from a place on as blocks; null when it is anything else. tried: places from
 * which it was; each is looked at once, or a text full of heads would keep the page busy. */
function readBlocks(
  content: string,
  from: number,
  further: Stepper,
  tried: Set<number>,
): Block[] | null {
  const found: Block[] = [];
  for (let place = from; place < content.length; ) {
    if (tried.has(place)) return null;
    tried.add(place);
    HEAD_HERE.lastIndex = place;
    const head = HEAD_HERE.exec(content);
    if (head === null) return null;
    const [whole, name = "", length = "0"] = head;
    const start = place + whole.length;
    // Lengths count code points, as the server does.
    const end = further(start, Number(length));
    if (!content.startsWith(TAIL, end)) return null;
    found.push({ name, text: content.slice(start, end) });
    place = end + TAIL.length;
  }
  return found;
}

/** Where one is so many code points after a place. It takes as long for many as for few. */
function stepper(text: string): Stepper {
  const points = new Uint32Array(text.length + 1);
  const places = new Uint32Array(text.length + 1);
  let count = 0;
  for (let place = 0; place < text.length; count += 1) {
    points[place] = count;
    places[count] = place;
    place += (text.codePointAt(place) ?? 0) > 0xffff ? 2 : 1;
  }
  places[count] = text.length;
  return (from, steps) => places[Math.min((points[from] ?? 0) + steps, count)] ?? text.length;
}
