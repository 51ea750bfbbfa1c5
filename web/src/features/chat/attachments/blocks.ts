/** A question, and the files that were put into it, as the server's blocks name them. */

export interface Block {
  name: string;
  text: string;
}

const HEAD = /\n\n<attachment name="([^"<>]*)" characters="(\d{1,7})">\n/gu;
const TAIL = "\n</attachment>";

/** What the person wrote, and the files after it. Text that only looks like a block is text. */
export function split(content: string): { question: string; blocks: Block[]; tail: string } {
  for (const head of content.matchAll(HEAD)) {
    const blocks = readBlocks(content.slice(head.index));
    if (blocks !== null) {
      return {
        question: content.slice(0, head.index),
        blocks,
        tail: content.slice(head.index),
      };
    }
  }
  return { question: content, blocks: [], tail: "" };
}

/** The question with files after it. tail: as `split` gave it. */
export const joined = (question: string, blocks: readonly string[], tail = ""): string =>
  [question, ...blocks].join("\n\n") + tail;

/** All of a text as blocks; null when it is anything else. */
function readBlocks(text: string): Block[] | null {
  const found: Block[] = [];
  for (let rest = text; rest !== ""; ) {
    const [head] = rest.matchAll(HEAD);
    if (head === undefined || head.index !== 0) return null;
    const [whole, name = "", length = "0"] = head;
    // Lengths count code points, as the server does.
    const said = Array.from(rest.slice(whole.length)).slice(0, Number(length)).join("");
    const after = rest.slice(whole.length + said.length);
    if (!after.startsWith(TAIL)) return null;
    found.push({ name, text: said });
    rest = after.slice(TAIL.length);
  }
  return found;
}
