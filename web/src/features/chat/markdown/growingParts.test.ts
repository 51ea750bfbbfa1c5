import { parseMarkdownIntoBlocks } from "streamdown";
import { expect, test, vi } from "vitest";

import { growingParts, PART } from "./growingParts";

const DOCUMENT = `# Title

A paragraph with **bold** words
that goes on.

Underlined
----------

- one
- two

  still two

- three

1. first
2. second

| a | b |
| - | - |
| 1 | 2 |

\`\`\`python
print("# not a heading")

- not a list
\`\`\`

> quoted
> on

$$
x = y

z
$$

<div>
text

</div>

    indented

***

The end.
`;

test("every beginning of a text is read as the whole of it would be", () => {
  const cut = growingParts(parseMarkdownIntoBlocks);
  const text = DOCUMENT.repeat(7);
  let most = 0;
  for (let end = 1; end <= text.length; end += 2) {
    const beginning = text.slice(0, end);
    const parts = cut(beginning);
    expect(parts.join("")).toBe(beginning);
    expect(parts.flatMap(parseMarkdownIntoBlocks)).toEqual(parseMarkdownIntoBlocks(beginning));
    most = Math.max(most, parts.length);
  }
  expect(most).toBeGreaterThan(2);
});

test("a footnote ties the text together", () => {
  const cut = growingParts(parseMarkdownIntoBlocks);
  const plain = Array.from({ length: 2 * PART }, (_, place) => `Paragraph ${place}.\n\n`).join("");
  expect(cut(plain).length).toBeGreaterThan(1);
  const noted = `${plain}Six[^1].\n\n[^1]: A note.\n`;
  expect(cut(noted)).toEqual([noted]);
});

test("another text is read anew, and what is finished is not read again", () => {
  const split = vi.fn(parseMarkdownIntoBlocks);
  const cut = growingParts(split);
  const long = Array.from({ length: 200 }, (_, place) => `Paragraph ${place}.\n\n`).join("");
  const before = cut(long);
  const after = cut(`${long}More`);
  expect(after.slice(0, -1)).toEqual(before.slice(0, -1));
  expect(split.mock.lastCall?.[0].length).toBeLessThan(long.length / 4);
  expect(cut("Something else.")).toEqual(["Something else."]);
});
