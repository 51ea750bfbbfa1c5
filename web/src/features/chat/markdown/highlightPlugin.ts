import rehypeHighlight from "rehype-highlight";
import type { Pluggable } from "unified";

export const highlight: Pluggable = [rehypeHighlight, { detect: false }];
