import { type KeyboardEvent, useRef, useState } from "react";

import type { TokenChoice } from "../../api/types";
import { formatNumber, t } from "../../ui/i18n";
import { doubt, pieces, probability } from "./tokens";

const percent = (logprob: number) => {
  const share = probability(logprob);
  return formatNumber(share, { style: "percent", maximumFractionDigits: share < 0.1 ? 1 : 0 });
};

/** Spaces and line ends can be looked at too. */
const visible = (token: string) =>
  token.replaceAll("\n", "↵").replaceAll("\t", "⇥").replace(/^ | $/g, "␣") || "∅";

/** An answer as the model chose it: each piece tinted by how unsure it was. */
export function TokenView({
  text,
  start,
  tokens,
}: {
  text: string;
  /** Code points of the answer before this text. */
  start: number;
  tokens: readonly TokenChoice[];
}) {
  const list = pieces(text, tokens, start);
  const [at, setAt] = useState<number | null>(null);
  const [stop, setStop] = useState(() => list.findIndex(({ choice }) => choice !== null));
  const root = useRef<HTMLDivElement>(null);
  const shown = at === null ? undefined : list[at];

  const walk = (event: KeyboardEvent) => {
    const step = { ArrowRight: 1, ArrowDown: 1, ArrowLeft: -1, ArrowUp: -1 }[event.key];
    if (event.key === "Escape" && at !== null) {
      event.stopPropagation(); // the same key stops an answer
      setAt(null);
    }
    if (step === undefined) return;
    event.preventDefault();
    for (let next = stop + step; next >= 0 && next < list.length; next += step) {
      if (!list[next]?.choice) continue;
      setStop(next);
      root.current?.querySelector<HTMLElement>(`[data-place="${next}"]`)?.focus();
      return;
    }
  };

  return (
    <div className="tokens" onMouseLeave={() => setAt(null)}>
      <div
        ref={root}
        className="tokens-text"
        role="listbox"
        tabIndex={-1}
        aria-label={t("The answer, word by word")}
        onKeyDown={walk}
      >
        {list.map(({ text: piece, choice, place }) =>
          choice === null ? (
            <span key={place}>{piece}</span>
          ) : (
            <span
              key={place}
              role="option"
              className="token"
              data-place={place}
              data-doubt={doubt(choice.logprob)}
              aria-selected={place === at}
              aria-label={`${piece}: ${percent(choice.logprob)}`}
              tabIndex={place === stop ? 0 : -1}
              onMouseEnter={() => setAt(place)}
              onFocus={() => {
                setStop(place);
                setAt(place);
              }}
              onBlur={() => setAt(null)}
            >
              {piece}
            </span>
          ),
        )}
      </div>
      {shown?.choice && <Alternatives choice={shown.choice} anchor={() => token(root.current, at)} />}
    </div>
  );
}

const token = (root: HTMLElement | null, at: number | null) =>
  root?.querySelector<HTMLElement>(`[data-place="${at}"]`) ?? null;

/** What else might have stood there, beneath the word. */
function Alternatives({
  choice,
  anchor,
}: {
  choice: TokenChoice;
  anchor: () => HTMLElement | null;
}) {
  const place = (card: HTMLElement | null) => {
    const word = anchor();
    if (card === null || word === null) return;
    const most = (word.offsetParent?.clientWidth ?? 0) - card.offsetWidth;
    card.style.left = `${Math.max(0, Math.min(word.offsetLeft, most))}px`;
    card.style.top = `${word.offsetTop + word.offsetHeight + 4}px`;
  };
  const others = choice.top.some(({ token: other }) => other === choice.token)
    ? choice.top
    : [...choice.top, choice];
  return (
    <div className="alternatives" ref={place} role="status">
      <p>
        <code>{visible(choice.token)}</code> {percent(choice.logprob)}
      </p>
      <ol>
        {others.map(({ token: other, logprob }) => (
          <li key={`${other} ${logprob}`} data-chosen={other === choice.token}>
            <code>{visible(other)}</code>
            <meter min={0} max={1} value={probability(logprob)} aria-hidden />
            <span>{percent(logprob)}</span>
          </li>
        ))}
      </ol>
    </div>
  );
}
