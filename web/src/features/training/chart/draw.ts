/** A chart on a canvas, in the page's own colours. */

import uPlot from "uplot";

export interface Line {
  label: string;
  values: (number | null)[];
  /** Which of the colours `.tint-0` … in training.css. */
  tint: number;
  dash?: number[];
  /** Drawn thin and pale, and not named: the same numbers as another line's. */
  faint?: boolean;
}

interface Hearing {
  format: (value: number) => string;
  onPoint: (index: number | null) => void;
}

const HEIGHT = 190;
const PALE = 0.3;

export function draw(
  place: HTMLElement,
  lines: readonly Line[],
  data: uPlot.AlignedData,
  { format, onPoint }: Hearing,
): uPlot {
  const ink = colourOf(place, "curve-ink");
  const grid = colourOf(place, "curve-grid");
  const font = `12px ${getComputedStyle(place).fontFamily}`;
  const axis: uPlot.Axis = {
    stroke: ink,
    font,
    grid: { stroke: grid, width: 1 },
    ticks: { show: false },
  };
  return new uPlot(
    {
      width: Math.max(place.clientWidth, 100),
      height: HEIGHT,
      legend: { show: false },
      scales: { x: { time: false } },
      cursor: { drag: { x: false, y: false }, points: { size: 7 } },
      axes: [
        { ...axis, size: 30, values: (_, ticks) => ticks.map((tick) => (tick % 1 ? "" : String(tick))) },
        { ...axis, size: 62, values: (_, ticks) => ticks.map((tick) => format(tick)) },
      ],
      series: [{}, ...lines.map((line) => seriesOf(line, place))],
      hooks: {
        setCursor: [(chart) => onPoint(chart.cursor.idx ?? null)],
      },
    },
    data,
    place,
  );
}

function seriesOf({ label, values, tint, dash, faint }: Line, place: HTMLElement): uPlot.Series {
  const known = values.filter((value) => value !== null);
  const few = known.length <= 40 && new Set(known).size > 1;
  return {
    label,
    stroke: colourOf(place, `tint-${tint}`),
    width: faint ? 1 : 2,
    alpha: faint ? PALE : 1,
    spanGaps: true,
    points: { show: few && !faint, size: 5 },
    ...(dash ? { dash } : {}),
  };
}

/** A canvas does not know of custom properties, so an element is asked what one has become: a new
 * one, for an old one still says what it was when the system has just gone from light to dark. */
function colourOf(place: HTMLElement, name: string): string {
  const probe = document.createElement("span");
  probe.className = name;
  place.append(probe);
  const { color } = getComputedStyle(probe);
  probe.remove();
  return color;
}
