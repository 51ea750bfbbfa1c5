/** Pictures of numbers, as SVG whose colours come from the style sheet. Each has its numbers in
 * words beside it; a screen reader passes the picture over. */

import { formatNumber } from "../../../ui/i18n";
import { useNarrow } from "../../../ui/useNarrow";
import { arc, lengthLabels, onRing, ribbon } from "./shapes";

const WIDTH = 800;

export interface Part {
  label: string;
  count: number;
  tone: "a" | "b" | "c" | "d";
}

export function Ribbon({ parts }: { parts: Part[] }) {
  const bars = ribbon(
    parts.map(({ count }) => count),
    WIDTH,
  );
  return (
    <>
      <svg className="ribbon" viewBox={`0 0 ${WIDTH} 28`} preserveAspectRatio="none" aria-hidden>
        {parts.map(({ label, tone }, at) => (
          <rect
            key={label}
            className={`tone-${tone}`}
            x={bars[at]?.x}
            width={bars[at]?.width}
            height={28}
          />
        ))}
      </svg>
      <ul className="legend">
        {parts
          .filter(({ count }) => count > 0)
          .map(({ label, count, tone }) => (
            <li key={label}>
              <i className={`tone-${tone}`} aria-hidden /> {formatNumber(count)} {label}
            </li>
          ))}
      </ul>
    </>
  );
}

/** Upright bars; those within the guide are marked. On a narrow screen they lie, or nobody could
 * read their names. */
export function Columns({
  edges,
  bars,
  guide,
}: {
  edges: number[];
  bars: number[];
  guide: readonly [number, number];
}) {
  const base = 150;
  const most = Math.max(1, ...bars);
  const step = WIDTH / bars.length;
  const labels = lengthLabels(edges, (n) => formatNumber(n));
  const guided = edges.map((low) => low >= guide[0] && low < guide[1]);
  const first = guided.indexOf(true);
  if (useNarrow()) {
    const last = bars.findLastIndex((count) => count > 0);
    return <Bars entries={bars.slice(0, last + 1).map((count, at) => [labels[at] ?? "", count])} />;
  }
  return (
    <svg className="chart" viewBox={`0 0 ${WIDTH} 178`} aria-hidden>
      {first >= 0 && (
        <rect
          className="guide"
          x={first * step}
          width={guided.filter(Boolean).length * step}
          height={base}
          rx={6}
        />
      )}
      {bars.map((count, at) => {
        const tall = ((base - 26) * count) / most;
        const middle = (at + 0.5) * step;
        return (
          <g key={labels[at]}>
            <rect
              className={guided[at] ? "tone-a" : "tone-d"}
              x={at * step + 5}
              y={base - tall}
              width={step - 10}
              height={tall}
              rx={3}
            />
            <text x={middle} y={base + 20} textAnchor="middle">
              {labels[at]}
            </text>
            {count > 0 && (
              <text className="value" x={middle} y={base - tall - 6} textAnchor="middle">
                {formatNumber(count)}
              </text>
            )}
          </g>
        );
      })}
    </svg>
  );
}

/** Lying bars with their names, as a list: the bar is drawn, the rest is text. */
export function Bars({ entries }: { entries: [string, number][] }) {
  const most = Math.max(1, ...entries.map(([, count]) => count));
  return (
    <ul className="bars">
      {entries.map(([label, count]) => (
        <li key={label}>
          <span className="bar-label">{label}</span>
          <svg viewBox="0 0 100 10" preserveAspectRatio="none" aria-hidden>
            <rect className="tone-b" width={count && Math.max((100 * count) / most, 0.6)} height={10} />
          </svg>
          <span className="number">{formatNumber(count)}</span>
        </li>
      ))}
    </ul>
  );
}

/** A share as three quarters of a ring, with a tick where the guide is. */
export function Dial({ share, guide }: { share: number; guide: number | null }) {
  const middle = 55;
  const [x1, y1] = onRing(guide ?? 0, 34, middle);
  const [x2, y2] = onRing(guide ?? 0, 51, middle);
  return (
    <svg className="dial" viewBox="0 0 110 100" aria-hidden>
      <path className="dial-track" d={arc(1, 42, middle)} />
      <path
        className={guide === null || share >= guide ? "dial-arc good" : "dial-arc"}
        d={arc(Math.max(share, 0.001), 42, middle)}
      />
      {guide !== null && <line className="dial-tick" x1={x1} y1={y1} x2={x2} y2={y2} />}
      <text className="value" x={middle} y={62} textAnchor="middle">
        {formatNumber(share, { style: "percent", maximumFractionDigits: 0 })}
      </text>
    </svg>
  );
}
