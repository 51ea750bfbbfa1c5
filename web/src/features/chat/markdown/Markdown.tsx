import { memo, useEffect, useMemo, useState } from "react";
import { Streamdown, defaultRehypePlugins, parseMarkdownIntoBlocks } from "streamdown";
import type { Pluggable, PluggableList } from "unified";

import { elements } from "./elements";
import { need, useExtras } from "./extras";
import { growingParts } from "./growingParts";
import { hasMath, unifyMath } from "./math";
import { PlainOnError } from "./PlainOnError";

/** No plugin that reads raw HTML is among these, so tags in an answer stay visible text. */
const SAFE = [defaultRehypePlugins.sanitize, defaultRehypePlugins.harden].filter(
  (plugin): plugin is Pluggable => plugin !== undefined,
);

interface Props {
  text: string;
  running: boolean;
}

/** An answer, drawn while it grows: what is finished is not drawn again. */
export const Markdown = memo(function Markdown({ text, running }: Props) {
  return (
    <div className="markdown">
      <PlainOnError text={text}>
        <Parts text={text} running={running} />
      </PlainOnError>
    </div>
  );
});

function Parts({ text, running }: Props) {
  const [cut] = useState(() => growingParts(parseMarkdownIntoBlocks));
  const source = useMemo(() => unifyMath(text), [text]);
  const withMath = hasMath(source);
  const withCode = source.includes("```");
  useEffect(() => {
    if (withMath) need("math");
    if (withCode) need("highlight");
  }, [withMath, withCode]);
  const parts = useMemo(() => cut(source), [cut, source]);
  return parts.map((part, place) => (
    // A part keeps its place: more text only adds parts behind it.
    // oxlint-disable-next-line react/no-array-index-key
    <Part key={place} text={part} running={running && place === parts.length - 1} />
  ));
}

const Part = memo(function Part({ text, running }: Props) {
  const { math, highlight } = useExtras();
  const plugins = useMemo(() => (math ? { math } : {}), [math]);
  const rehype = useMemo<PluggableList>(() => (highlight ? [...SAFE, highlight] : SAFE), [highlight]);
  return (
    <Streamdown
      // Streamdown's memo does not look at rehypePlugins: without a new key, an answer that was
      // finished before the colours arrived would stay plain.
      key={highlight ? "coloured" : "plain"}
      className="markdown-part"
      components={elements}
      plugins={plugins}
      rehypePlugins={rehype}
      controls={false}
      dir="auto"
      isAnimating={running}
    >
      {text}
    </Streamdown>
  );
});
