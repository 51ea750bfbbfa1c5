import { ArrowLeft, Download, GraduationCap, Trash2 } from "lucide-react";
import { useEffect, useState } from "react";

import { onReturn } from "../../api/connection";
import {
  type Dataset,
  type Report as ReportData,
  contentPath,
  fetchBlob,
  getDataset,
  reportPath,
} from "../../api/datasets";
import { t, useLanguage } from "../../ui/i18n";
import { Link, navigate } from "../../ui/Link";
import { Menu } from "../../ui/Menu";
import { PageFrame } from "../../ui/PageFrame";
import { Problem } from "../../ui/Problem";
import { saveBlob } from "../../ui/save";
import { formatMoment } from "../../ui/units";
import { saveRows, teachPath } from "./DatasetsTable";
import { Making } from "./making/Making";
import { Report } from "./report/Report";
import { Rows } from "./rows/Rows";
import { messageOf, removeDataset, say } from "./store";
import { rowsWord } from "./words";

type Whole = Dataset & { report: ReportData };

/** One dataset: what it is like, and its rows. */
export function DatasetPage({ name }: { name: string }) {
  const [dataset, setDataset] = useState<Whole | null>(null);
  const [failed, setFailed] = useState<string | null>(null);
  const [view, setView] = useState<"report" | "rows">("report");
  const [error, setError] = useState("");
  useEffect(() => {
    const load = () => {
      getDataset(name).then(
        (found) => {
          setDataset(found);
          setFailed(null);
        },
        (problem: unknown) => setFailed(messageOf(problem)),
      );
    };
    load();
    return onReturn(load);
  }, [name]);

  return (
    <PageFrame title={name} actions={dataset === null ? undefined : <Actions name={name} />}>
      <p className="data-back">
        <Link to="/app/data">
          <ArrowLeft size={15} aria-hidden /> {t("All datasets")}
        </Link>
        {dataset !== null && <About dataset={dataset} />}
      </p>
      <Making shownHere={name} />
      {failed !== null && (
        <Problem className="error-note" text={failed} />
      )}
      {dataset === null && failed === null && <p role="status">{t("Opening…")}</p>}
      {dataset !== null && (
        <>
          <div className="segments" role="group" aria-label={t("View")}>
            <button
              type="button"
              aria-pressed={view === "report"}
              onClick={() => setView("report")}
            >
              {t("Report")}
            </button>
            <button
              type="button"
              aria-pressed={view === "rows"}
              onClick={() => {
                setError("");
                setView("rows");
              }}
            >
              {t("Rows")}
            </button>
          </div>
          {view === "report" ? (
            <Report
              name={name}
              report={dataset.report}
              onError={(chosen) => {
                setError(chosen);
                setView("rows");
              }}
            />
          ) : (
            <Rows dataset={dataset} error={error} />
          )}
        </>
      )}
    </PageFrame>
  );
}

function About({ dataset }: { dataset: Dataset }) {
  const language = useLanguage((state) => state.language);
  return (
    <span className="hint">
      {rowsWord(dataset.rows.train)} · {dataset.sources.join(", ")} ·{" "}
      {formatMoment(dataset.created_at, language)}
    </span>
  );
}

function save(address: string, file: string): void {
  fetchBlob(address).then((blob) => saveBlob(blob, file), say);
}

function Actions({ name }: { name: string }) {
  return (
    <>
      <Link to={teachPath(name)} className="button button-primary">
        <GraduationCap size={16} aria-hidden /> {t("Teach a model with this")}
      </Link>
      <Menu
        label={t("Download")}
        className="button"
        icon={
          <>
            <Download size={16} aria-hidden /> {t("Download")}
          </>
        }
        items={[
          { label: t("The rows"), Icon: Download, run: () => void saveRows(name) },
          {
            label: t("The rows as Alpaca"),
            Icon: Download,
            run: () => save(contentPath(name, "all", "alpaca"), `${name}-alpaca.jsonl`),
          },
          {
            label: t("The rows as ShareGPT"),
            Icon: Download,
            run: () => save(contentPath(name, "all", "sharegpt"), `${name}-sharegpt.jsonl`),
          },
          {
            label: t("What was left out"),
            Icon: Download,
            run: () => save(contentPath(name, "rejected"), `${name}-rejected.jsonl`),
          },
          {
            label: t("The report as a page"),
            Icon: Download,
            run: () => save(reportPath(name), `${name}-report.html`),
          },
        ]}
      />
      <button
        type="button"
        className="button"
        onClick={() => {
          removeDataset(name);
          navigate("/app/data");
        }}
      >
        <Trash2 size={16} aria-hidden /> {t("Delete")}
      </button>
    </>
  );
}
