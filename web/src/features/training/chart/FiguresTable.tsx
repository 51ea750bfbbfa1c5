import { t } from "../../../ui/i18n";
import { type Columns, spread } from "../curves";

export interface Figure {
  name: string;
  label: string;
  format: (value: number) => string;
}

const MOST_ROWS = 20;

/** The charts' numbers for those who read rather than look. */
export function FiguresTable({ columns, figures }: { columns: Columns; figures: Figure[] }) {
  const shown = figures.filter(({ name }) => columns.has(name));
  const values = shown.map(({ name }) => columns.of(name));
  return (
    <details className="fold">
      <summary>{t("The same as a table")}</summary>
      {/* It may scroll, and must then be reachable by keyboard. */}
      {/* oxlint-disable-next-line jsx-a11y/no-noninteractive-tabindex */}
      <div className="table-scroll" tabIndex={0} role="region" aria-label={t("Figures")}>
        <table className="figures">
          <thead>
            <tr>
              <th scope="col">{t("Step")}</th>
              {shown.map(({ name, label }) => (
                <th scope="col" key={name}>
                  {label}
                </th>
              ))}
            </tr>
          </thead>
          <tbody>
            {spread(columns.steps.length, MOST_ROWS).map((row) => (
              <tr key={row}>
                <th scope="row">{columns.steps[row]}</th>
                {shown.map(({ name, format }, at) => {
                  const value = values[at]?.[row] ?? null;
                  return <td key={name}>{value === null ? "" : format(value)}</td>;
                })}
              </tr>
            ))}
          </tbody>
        </table>
      </div>
    </details>
  );
}
