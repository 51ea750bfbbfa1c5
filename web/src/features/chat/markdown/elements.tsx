/** How the parts of a Markdown text are drawn. Plain elements; the style sheet does the rest. */

import type { Element } from "hast";
import { Link as LinkIcon } from "lucide-react";
import { type ComponentProps, isValidElement, useRef } from "react";
import type { Components } from "streamdown";

import { CopyButton } from "../../../ui/CopyButton";
import { t } from "../../../ui/i18n";

type Props<Tag extends keyof React.JSX.IntrinsicElements> = ComponentProps<Tag> & {
  node?: Element | undefined;
};

function CodeBlock({ children }: Props<"pre">) {
  const code = useRef<HTMLPreElement>(null);
  const className = isValidElement<{ className?: string }>(children)
    ? (children.props.className ?? "")
    : "";
  const language = /language-([\w+#.-]+)/.exec(className)?.[1];
  return (
    <div className="code">
      <div className="code-head">
        <span>{language ?? t("text")}</span>
        <CopyButton text={() => code.current?.textContent ?? ""} label={t("Copy code")} showLabel />
      </div>
      {/* Long lines scroll, so the block must be reachable with the keyboard. */}
      {/* oxlint-disable-next-line jsx-a11y/no-noninteractive-tabindex */}
      <pre ref={code} tabIndex={0} role="region" aria-label={t("Code: {language}", { language: language ?? t("text") })}>
        {children}
      </pre>
    </div>
  );
}

function Code({ className, children }: Props<"code">) {
  return <code className={className}>{children}</code>;
}

function Table({ children }: Props<"table">) {
  return (
    // Wide tables scroll, as code does.
    // oxlint-disable-next-line jsx-a11y/no-noninteractive-tabindex
    <div className="table" tabIndex={0} role="region" aria-label={t("Table")}>
      <table>{children}</table>
    </div>
  );
}

const SAFE_LINK = /^(https?:|mailto:)/i;

/** Opens elsewhere, and is told nothing about where the reader came from. */
function Link({ href, children }: Props<"a">) {
  if (!href || !SAFE_LINK.test(href)) return <span>{children}</span>;
  return (
    <a href={href} target="_blank" rel="noopener noreferrer nofollow">
      {children}
    </a>
  );
}

/** Never fetched: loading a picture would tell a stranger that, and what, somebody is reading. */
function Picture({ src, alt }: Props<"img">) {
  if (typeof src !== "string" || !SAFE_LINK.test(src)) return <span>{alt}</span>;
  return (
    <a href={src} target="_blank" rel="noopener noreferrer nofollow" className="picture">
      <LinkIcon size={14} aria-hidden /> {alt || t("Picture")}
    </a>
  );
}

const plain = <Tag extends keyof React.JSX.IntrinsicElements>(Tag: Tag) => {
  const Plain = ({ node: _node, className: _className, ...props }: Props<Tag>) => {
    const Element = Tag as "p";
    return <Element {...(props as ComponentProps<"p">)} />;
  };
  Plain.displayName = `Plain(${Tag})`;
  return Plain;
};

const PLAIN = [
  ...(["h1", "h2", "h3", "h4", "h5", "h6", "p", "ul", "ol", "li", "blockquote", "hr"] as const),
  ...(["strong", "em", "del", "sup", "sub", "thead", "tbody", "tr", "th", "td"] as const),
];

export const elements = {
  ...Object.fromEntries(PLAIN.map((tag) => [tag, plain(tag)])),
  pre: CodeBlock,
  code: Code,
  inlineCode: Code,
  table: Table,
  a: Link,
  img: Picture,
} as Components;
