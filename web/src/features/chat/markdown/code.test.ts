import { expect, it } from "vitest";

import { codePlaces } from "./code";

it.each([
  ["a span", "a `b` c", ["`b`"]],
  ["a span that holds backticks", "``a ` b`` `c`", ["``a ` b``", "`c`"]],
  ["a span that ends with as many as it began with", "`a`` b` c``", ["`a`` b`"]],
  ["a backtick by itself", "it`s ``a``", ["``a``"]],
  ["a block", "a\n```sh\n`b`\n```\n`c`", ["```sh\n`b`\n```", "`c`"]],
  ["a block that is still open", "a\n  ~~~\nb `c`", ["  ~~~\nb `c`"]],
  ["a block of more", "````\n```\na\n`````  \nb", ["````\n```\na\n`````"]],
  ["a block that only its own mark ends", "```\n~~~\n``` x\n    ```\n```\n`b`", [
    "```\n~~~\n``` x\n    ```\n```",
    "`b`",
  ]],
  ["tildes within a line", "a ~~~ b", []],
  ["four blanks, which begin no block", "    ~~~\na `b`", ["`b`"]],
])("finds %s", (_, markdown, found) => {
  expect(codePlaces(markdown).map(([start, end]) => markdown.slice(start, end))).toEqual(found);
});
