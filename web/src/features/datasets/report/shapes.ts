/** The geometry of the report's pictures, in the units of their view boxes. */

export interface Bar {
  x: number;
  width: number;
}

/** Parts of a whole beside one another; one that is there is never too thin to see. */
export function ribbon(counts: readonly number[], width: number, thinnest = 4): Bar[] {
  const total = counts.reduce((sum, count) => sum + count, 0);
  if (total === 0) return counts.map(() => ({ x: 0, width: 0 }));
  const wanted = counts.map((count) => (count === 0 ? 0 : Math.max((width * count) / total, thinnest)));
  const scale = width / wanted.reduce((sum, one) => sum + one, 0);
  let x = 0;
  return wanted.map((one) => {
    const bar = { x, width: one * scale };
    x += bar.width;
    return bar;
  });
}

/** `1–4`, `5–9`, …, `1,000+` from the bars' lower edges. */
export function lengthLabels(edges: readonly number[], format: (n: number) => string): string[] {
  return edges.map((low, at) => {
    const next = edges[at + 1];
    if (next === undefined) return `${format(low)}+`;
    return next === low + 1 ? format(low) : `${format(low)}–${format(next - 1)}`;
  });
}

/** Three quarters of a ring, from the lower left to the lower right, of which a share is drawn. */
export function arc(share: number, radius: number, middle: number): string {
  const clipped = Math.min(Math.max(share, 0), 1);
  const [x1, y1] = onRing(0, radius, middle);
  const [x2, y2] = onRing(clipped, radius, middle);
  return `M${x1} ${y1}A${radius} ${radius} 0 ${clipped > 2 / 3 ? 1 : 0} 1 ${x2} ${y2}`;
}

const round = (value: number) => Math.round(value * 10) / 10;

export function onRing(share: number, radius: number, middle: number): [number, number] {
  const angle = Math.PI * (0.75 + 1.5 * share);
  return [round(middle + radius * Math.cos(angle)), round(middle + radius * Math.sin(angle))];
}
