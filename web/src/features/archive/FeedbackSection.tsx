import { Download } from "lucide-react";
import { useEffect, useState } from "react";

import { type FeedbackCounts, countFeedback } from "../../api/feedback";
import { formatNumber, t } from "../../ui/i18n";
import { Section } from "../../ui/PageFrame";
import { save } from "./save";

const FORMS: readonly (readonly [string, () => string, () => string])[] = [
  ["preference", () => t("Better and worse"), () => t("Your answer against the model’s, and good against bad: to train by preference (DPO).")],
  ["kto", () => t("Good or bad"), () => t("One row for each thumb: to train by KTO.")],
  ["openai", () => t("Worth repeating"), () => t("Your answers, and those you liked: to fine-tune on.")],
];

/** How much was rated, and rows to learn from. */
export function FeedbackSection() {
  const [counts, setCounts] = useState<FeedbackCounts | null>(null);
  useEffect(() => {
    countFeedback()
      .then(setCounts)
      .catch(() => undefined); // a server that is away is told of above
  }, []);
  return (
    <Section
      title={t("Ratings")}
      about={t("Thumbs and better answers that you gave in chats are what a model can learn from.")}
    >
      {counts !== null && <Counts counts={counts} />}
    </Section>
  );
}

function Counts({ counts }: { counts: FeedbackCounts }) {
  if (counts.ratings === 0) {
    return <p className="hint">{t("Nothing is rated yet. Below each answer are two thumbs and a pencil.")}</p>;
  }
  const facts: [string, number][] = [
    [t("Ratings"), counts.ratings],
    [t("Good"), counts.up],
    [t("Bad"), counts.down],
    [t("Better answers"), counts.corrections],
  ];
  const number = formatNumber(counts.ratings);
  return (
    <>
      <dl className="facts">
        {facts.map(([name, value]) => (
          <div key={name}>
            <dt>{name}</dt>
            <dd>{formatNumber(value)}</dd>
          </div>
        ))}
      </dl>
      <h3 className="subhead">
        {counts.ratings === 1
          ? t("1 rating: make a dataset of it")
          : t("{number} ratings: make a dataset of them", { number })}
      </h3>
      <ul className="choices">
        {FORMS.map(([form, name, about]) => (
          <li key={form}>
            <button
              type="button"
              className="choice"
              onClick={() => void save(`/feedback/export?format=${form}`)}
            >
              <Download size={16} aria-hidden />
              <span>
                <strong>{name()}</strong>
                <span className="hint">{about()}</span>
              </span>
            </button>
          </li>
        ))}
      </ul>
    </>
  );
}
