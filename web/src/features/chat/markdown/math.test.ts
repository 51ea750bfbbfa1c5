import { describe, expect, it } from "vitest";

import { unifyMath } from "./math";

describe("unifyMath", () => {
  it.each([
    ["an inline formula", "so $x^2$ is", "so $$x^2$$ is"],
    ["money", "costs $5 and $10, or $5-$10", "costs $5 and $10, or $5-$10"],
    ["a variable of a shell", "set $HOME and $PATH", "set $HOME and $PATH"],
    ["an escaped dollar", String.raw`\$5 is $x$`, String.raw`\$5 is $$x$$`],
    ["what is right already", "$$x$$ and\n$$\ny\n$$", "$$x$$ and\n$$\ny\n$$"],
    ["a formula with a line to itself", "so\n  $$ x $$\nis", "so\n  $$\n  x\n  $$\nis"],
    ["round brackets", String.raw`so \(x\) is`, "so $$x$$ is"],
    ["square brackets", String.raw`\[ x \]`, "\n$$\nx\n$$\n"],
    ["a line break within a formula", String.raw`\[ a \\[2pt] b \]`, "\n$$\na \\\\[2pt] b\n$$\n"],
    ["an escaped backslash", String.raw`\\[2pt] and \\(x)`, String.raw`\\[2pt] and \\(x)`],
    ["a bracket that is never closed", String.raw`\[ a \[b\]`, "\\[ a \n$$\nb\n$$\n"],
    ["a code span", "`$x$` and $y$", "`$x$` and $$y$$"],
    ["a fenced block", "```sh\necho $x$\n```\n$y$", "```sh\necho $x$\n```\n$$y$$"],
    ["a block still being written", "```sh\necho $x$", "```sh\necho $x$"],
    ["no formula at all", "plain", "plain"],
  ])("handles %s", (_, before, after) => {
    expect(unifyMath(before)).toBe(after);
  });
});

const MANY = 1_000_000;

/** Each pattern must read a text a few times, not once for each place where it could begin: these
 * took minutes, and the tab with them. A test that is back at that runs into its limit. */
it.each([
  ["square brackets", String.raw`\[`.repeat(MANY / 2)],
  ["round brackets", String.raw`\(`.repeat(MANY / 2)],
  ["line breaks", String.raw`\\[`.repeat(MANY / 2)],
  ["one bracket", String.raw`\[`.padEnd(MANY, String.raw`\a`)],
  ["a run of backticks", "`".repeat(MANY) + "x$"],
  ["runs of every length", "$" + Array.from({ length: 1_400 }, (_, k) => "`".repeat(k)).join(" ")],
  ["spans of two lengths", "$`a``".repeat(MANY / 5)],
  ["a line of dollars that is not closed", "$$".padEnd(MANY, "a ")],
  ["a blank line of dollars", "$$".padEnd(MANY) + "\nx"],
  ["one dollar", "$a".padEnd(MANY, "b ")],
  ["dollars and backticks", "$a `".repeat(MANY / 4)],
  ["blocks", "$\n" + "```a\n".repeat(MANY / 5)],
  ["blocks and spans that close nothing", `$\n${"~~~".repeat(MANY / 6)}\n${"```` ".repeat(MANY / 10)}`],
])("is done with a million characters of %s", (_, hostile) => {
  expect(unifyMath(hostile).length).toBeGreaterThanOrEqual(900_000);
}, 30_000);
