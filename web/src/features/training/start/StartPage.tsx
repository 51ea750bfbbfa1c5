import { ArrowLeft } from "lucide-react";
import { useCallback, useEffect, useState } from "react";

import { onReturn } from "../../../api/connection";
import { type Base, createJob, getJob, listBases } from "../../../api/training";
import { errorText } from "../../../ui/errorText";
import { t } from "../../../ui/i18n";
import { Link, navigate } from "../../../ui/Link";
import { PageFrame, Section } from "../../../ui/PageFrame";
import { Problem } from "../../../ui/Problem";
import { formatBytes } from "../../../ui/units";
import { useFileNames } from "../names";
import { SEED, dataWord } from "../words";
import { Choice } from "./Choice";
import { DataChoice } from "./DataChoice";
import { Expert } from "./Expert";
import { EMPTY, type Form, bodyOf, formOf, objectiveFor, wrongFields } from "./form";
import { objectiveWords, presetWords, tuningWords } from "./meanings";
import { StartActions } from "./StartActions";

/** A new run. data: a dataset's name from the address. from: a run whose settings to begin with. */
export function StartPage({ data, from }: { data: string | null; from: string | null }) {
  const [form, setForm] = useState<Form>(() => ({
    ...EMPTY,
    data: data === null ? SEED : data.startsWith("file-") ? data : `dataset:${data}`,
  }));
  const change = useCallback(
    (part: Partial<Form>) => setForm((now) => ({ ...now, ...part })),
    [],
  );
  const { bases, problem } = useBases(from, change);
  const names = useFileNames((state) => state.names);
  const wrong = wrongFields(form);
  return (
    <PageFrame
      title={t("New run")}
      about={t("Say what to learn from; all else has a good answer already.")}
    >
      <Link to="/app/training" className="text-button way-back">
        <ArrowLeft size={16} aria-hidden /> {t("All runs")}
      </Link>
      {problem !== null && (
        <Problem className="trouble" text={problem} />
      )}
      <div className="start-columns">
        <Section title={t("Data")}>
          <DataChoice
            value={form.data}
            onChange={(chosen, task) =>
              change({
                data: chosen,
                ...(task === undefined ? {} : { objective: objectiveFor(task) }),
              })
            }
          />
          {form.validation !== null && (
            <p>
              {t("Held-out data")}: <b>{dataWord(form.validation, names)}</b>{" "}
              <button
                type="button"
                className="text-button"
                onClick={() => change({ validation: null })}
              >
                {t("Check with a part of the data instead")}
              </button>
            </p>
          )}
          <Choice
            legend={t("The rows are")}
            name="objective"
            options={objectiveWords()}
            value={form.objective}
            onChange={(objective) => change({ objective })}
          />
        </Section>
        <Section title={t("Model")}>
          <BaseChoice bases={bases} form={form} onChange={(base) => change({ base })} />
          <label className="field">
            <span>{t("Name of the result")}</span>
            <input
              value={form.name}
              maxLength={64}
              placeholder={t("such as tea-party")}
              aria-invalid={wrong.includes("name")}
              onChange={(event) => change({ name: event.target.value })}
            />
            {wrong.includes("name") && (
              <span className="wrong">
                {t("Letters, digits, “-” and “_” only, a letter or digit first.")}
              </span>
            )}
          </label>
          <Choice
            legend={t("What is trained")}
            name="tuning"
            options={tuningWords()}
            value={form.tuning}
            onChange={(tuning) => change({ tuning })}
          />
        </Section>
      </div>
      <Section title={t("How long")}>
        <Choice
          legend={t("Preset")}
          name="preset"
          options={presetWords()}
          value={form.preset}
          onChange={(preset) => change({ preset })}
        />
      </Section>
      <Expert form={form} onChange={(expert) => change({ expert })} />
      <StartActions
        body={bodyOf(form)}
        blocked={wrong.length > 0 || form.base === ""}
        onStart={async (body) => {
          const { id } = await createJob(body);
          navigate(`/app/training/${id}`);
        }}
      />
    </PageFrame>
  );
}

function BaseChoice({
  bases,
  form,
  onChange,
}: {
  bases: Base[] | null;
  form: Form;
  onChange: (base: string) => void;
}) {
  if (bases?.length === 0) {
    return (
      <p className="trouble">
        {t("There is no model to teach yet. Get one in a terminal:")} <code>mini-claude pull</code>
      </p>
    );
  }
  return (
    <label className="field">
      <span>{t("Base model")}</span>
      <select value={form.base} onChange={(event) => onChange(event.target.value)}>
        {bases?.map(({ id, bytes }) => (
          <option key={id} value={id}>
            {id} ({formatBytes(bytes)})
          </option>
        ))}
      </select>
    </label>
  );
}

/** The models there are, the default chosen; or all as the run `from` had it. */
function useBases(from: string | null, change: (part: Partial<Form>) => void) {
  const [bases, setBases] = useState<Base[] | null>(null);
  const [problem, setProblem] = useState<string | null>(null);
  useEffect(() => {
    let left = false;
    let known = false;
    const load = async () => {
      if (known) return; // what was changed in the form since stays as it is
      const [found, job] = await Promise.all([
        listBases(),
        from === null ? null : getJob(from),
      ]);
      if (left || known) return;
      known = true;
      setBases(found);
      setProblem(null);
      const first = found.find((base) => base.default) ?? found[0];
      if (job !== null) change(formOf(job));
      if (job === null || !found.some(({ id }) => id === job.model)) {
        change({ base: first?.id ?? "" });
      }
    };
    const open = () => {
      load().catch((error: unknown) => {
        if (!left) setProblem(errorText(error));
      });
    };
    open();
    const stop = onReturn(open);
    return () => {
      left = true;
      stop();
    };
  }, [from, change]);
  return { bases, problem };
}
