import { useEffect, useEffectEvent, useRef, useState } from "react";
import type uPlot from "uplot";
import "uplot/dist/uPlot.min.css";

import { t } from "../../../ui/i18n";
import { useTheme } from "../../../ui/theme";
import { type Line, draw } from "./draw";

export type { Line } from "./draw";

/** Lines over steps. The legend tells the last values, or those under the pointer. */
export default function Chart({
  title,
  steps,
  lines,
  format,
}: {
  title: string;
  steps: number[];
  lines: Line[];
  format: (value: number) => string;
}) {
  const place = useRef<HTMLDivElement>(null);
  const chart = useRef<{ look: string; made: uPlot } | null>(null);
  const [pointed, setPointed] = useState<number | null>(null);
  const theme = useTheme((state) => state.theme);
  const system = useSystemDark();
  const shape = lines.map(({ label, tint, faint }) => `${label}/${tint}/${faint ?? ""}`).join();
  const look = `${theme}/${system}/${shape}`;
  const make = useEffectEvent((into: HTMLElement) =>
    draw(into, lines, dataOf(steps, lines), { format, onPoint: setPointed }),
  );

  useEffect(() => {
    if (place.current === null) return;
    const made = make(place.current);
    chart.current = { look, made };
    const observer = new ResizeObserver(([entry]) => {
      const width = Math.floor(entry?.contentRect.width ?? 0);
      if (width > 0) made.setSize({ width, height: made.height });
    });
    observer.observe(place.current);
    return () => {
      observer.disconnect();
      made.destroy();
      chart.current = null;
    };
  }, [look]);
  useEffect(() => chart.current?.made.setData(dataOf(steps, lines)), [steps, lines]);

  return (
    <figure className="curve" aria-label={title}>
      <figcaption>
        <span className="curve-title">{title}</span>
        <ul className="curve-legend">
          {lines
            .filter(({ faint }) => !faint)
            .map((line) => (
              <LegendEntry key={line.label} line={line} index={pointed} format={format} />
            ))}
          {pointed !== null && steps[pointed] !== undefined && (
            <li className="hint">{t("step {n}", { n: steps[pointed] })}</li>
          )}
        </ul>
      </figcaption>
      <div ref={place} className="curve-place" aria-hidden />
    </figure>
  );
}

function LegendEntry({
  line,
  index,
  format,
}: {
  line: Line;
  index: number | null;
  format: (value: number) => string;
}) {
  const last = line.values.findLast((value) => value !== null) ?? null;
  const value = index === null ? last : (line.values[index] ?? null);
  return (
    <li>
      <svg className={`swatch tint-${line.tint}`} width="18" height="8" aria-hidden>
        <line x1="0" y1="4" x2="18" y2="4" strokeDasharray={line.dash?.join(" ")} />
      </svg>
      {line.label} <b>{value === null ? "–" : format(value)}</b>
    </li>
  );
}

/** Whether the system is dark at present. */
function useSystemDark(): boolean {
  const [system, setSystem] = useState(() => matchMedia(DARK).matches);
  useEffect(() => {
    const query = matchMedia(DARK);
    const listen = () => setSystem(query.matches);
    query.addEventListener("change", listen);
    return () => query.removeEventListener("change", listen);
  }, []);
  return system;
}

function dataOf(steps: number[], lines: readonly Line[]): uPlot.AlignedData {
  return [steps, ...lines.map(({ values }) => values)];
}

const DARK = "(prefers-color-scheme: dark)";
