import type { ReactNode } from "react";

import type { Job } from "../../../api/training";
import { t, useLanguage } from "../../../ui/i18n";
import { Link } from "../../../ui/Link";
import { Section } from "../../../ui/PageFrame";
import { formatMoment } from "../../../ui/units";
import { useFileNames } from "../names";
import { SEED, askedOf, dataWord, methodWord } from "../words";

/** What the run is made of: enough to make it again. */
export function Lineage({ job }: { job: Job }) {
  const names = useFileNames((state) => state.names);
  const language = useLanguage((state) => state.language);
  const asked = askedOf(job);
  return (
    <Section title={t("Made of")}>
      <dl className="made-of">
        <Fact name={t("Base model")}>{job.model}</Fact>
        <Fact name={t("Data")}>
          <Data name={job.training_file} names={names} />
        </Fact>
        {job.validation_file !== null && (
          <Fact name={t("Held-out data")}>
            <Data name={job.validation_file} names={names} />
          </Fact>
        )}
        <Fact name={t("Method")}>{methodWord(job) ?? t("chosen automatically")}</Fact>
        <Fact name={t("Asked for")}>
          {asked.length === 0
            ? t("nothing: all settings were chosen automatically")
            : asked.map(([name, value]) => `${name} ${value}`).join(", ")}
        </Fact>
        <Fact name={t("Seed")}>{job.seed}</Fact>
        <Fact name={t("Started")}>{formatMoment(job.created_at, language)}</Fact>
        <Fact name={t("Run")}>{job.id}</Fact>
      </dl>
    </Section>
  );
}

function Data({ name, names }: { name: string; names: ReadonlyMap<string, string> }) {
  const word = dataWord(name, names);
  if (!name.startsWith("dataset:") || name === SEED) return <>{word}</>;
  return <Link to={`/app/data/${encodeURIComponent(word)}`}>{word}</Link>;
}

function Fact({ name, children }: { name: string; children: ReactNode }) {
  return (
    <div>
      <dt>{name}</dt>
      <dd>{children}</dd>
    </div>
  );
}
