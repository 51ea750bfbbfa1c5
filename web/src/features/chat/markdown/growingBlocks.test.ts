import { parseMarkdownIntoBlocks } from "streamdown";
import { expect, test, vi } from "vitest";

import { growingBlocks } from "./growingBlocks";

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
  const grow = growingBlocks(parseMarkdownIntoBlocks);
  const text = DOCUMENT.repeat(3);
  for (let end = 1; end <= text.length; end += 1) {
    const part = text.slice(0, end);
    expect(grow(part)).toEqual(parseMarkdownIntoBlocks(part));
  }
});

test("a footnote ties the text together", () => {
  const grow = growingBlocks(parseMarkdownIntoBlocks);
  const plain = "One.\n\nTwo.\n\nThree.\n\nFour.\n\nFive.\n\n";
  grow(plain);
  const noted = `${plain}Six[^1].\n\n[^1]: A note.\n`;
  expect(grow(noted)).toEqual(parseMarkdownIntoBlocks(noted));
});

test("another text is read anew, and what is settled is not read again", () => {
  const split = vi.fn(parseMarkdownIntoBlocks);
  const grow = growingBlocks(split);
  const long = Array.from({ length: 200 }, (_, place) => `Paragraph ${place}.\n\n`).join("");
  grow(long);
  grow(`${long}More`);
  expect(split.mock.lastCall?.[0].length).toBeLessThan(100);
  expect(grow("Something else.")).toEqual(["Something else."]);
});
