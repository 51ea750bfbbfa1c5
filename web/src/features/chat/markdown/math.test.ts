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
    ["a code span", "`$x$` and $y$", "`$x$` and $$y$$"],
    ["a fenced block", "```sh\necho $x$\n```\n$y$", "```sh\necho $x$\n```\n$$y$$"],
    ["a block still being written", "```sh\necho $x$", "```sh\necho $x$"],
    ["no formula at all", "plain", "plain"],
  ])("handles %s", (_, before, after) => {
    expect(unifyMath(before)).toBe(after);
  });

  it("takes no time over a long text full of dollars and backticks", () => {
    const hostile = "$a `".repeat(20_000);
    const began = performance.now();
    unifyMath(hostile);
    expect(performance.now() - began).toBeLessThan(2_000);
  });
});
