import { createMathPlugin } from "@streamdown/math";
import "katex/dist/katex.min.css";
import type { Pluggable } from "unified";

/** Sizes in a formula, in ems: one as large as a town would leave no end to the page. */
const LARGEST = 40;

const plain = createMathPlugin({ errorColor: "var(--danger)" });

/** The plugin takes two of KaTeX's settings only. */
function bounded(plugin: Pluggable): Pluggable {
  if (!Array.isArray(plugin)) return plugin;
  const [katex, settings] = plugin;
  return [katex, { ...(settings as object), maxSize: LARGEST }];
}

export const math = { ...plain, rehypePlugin: bounded(plain.rehypePlugin) };
