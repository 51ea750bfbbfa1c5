import type { Report } from "../../../api/datasets";
import { t } from "../../../ui/i18n";
import { Section } from "../../../ui/PageFrame";
import { harmWord, personalWord } from "./names";
import { Bars } from "./pictures";

function counts(
  facts: Record<string, unknown> | undefined,
  name: string,
  word: (category: string) => string,
): [string, number][] {
  const table = facts?.[name];
  if (typeof table !== "object" || table === null) return [];
  return Object.entries(table as Record<string, number>)
    .toSorted((a, b) => b[1] - a[1])
    .map(([category, count]) => [word(category), count]);
}

/** What was masked, and what was refused as unsafe. */
export function Safety({ report }: { report: Report }) {
  const masked = counts(report.stages.personal_data, "masked", personalWord);
  const refused = counts(report.stages.safety, "rejected", harmWord);
  return (
    <Section title={t("Safety and personal data")}>
      <div className="pair">
        <div>
          <h3>{t("Left out as unsafe")}</h3>
          {refused.length > 0 ? <Bars entries={refused} /> : <p>{t("Nothing was found.")}</p>}
        </div>
        <div>
          <h3>{t("Personal data that was masked")}</h3>
          {masked.length > 0 ? <Bars entries={masked} /> : <p>{t("Nothing was found.")}</p>}
        </div>
      </div>
    </Section>
  );
}
