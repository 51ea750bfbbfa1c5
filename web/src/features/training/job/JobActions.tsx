import { MessageSquare, Pause, Play, RotateCcw, X } from "lucide-react";
import { useState } from "react";

import { type Job, actOnJob } from "../../../api/training";
import { Dialog } from "../../../ui/Dialog";
import { t } from "../../../ui/i18n";
import { Link } from "../../../ui/Link";
import { showError } from "../../../ui/toast";

/** What can be done about a run in its present state. */
export function JobActions({ job, onChange }: { job: Job; onChange: (job: Job) => void }) {
  const [busy, setBusy] = useState(false);
  const [asking, setAsking] = useState(false);
  const act = async (verb: "pause" | "resume" | "cancel") => {
    setBusy(true);
    try {
      onChange(await actOnJob(job.id, verb));
    } catch (error) {
      showError(error);
    }
    setBusy(false);
  };
  const { status } = job;
  return (
    <>
      {(status === "running" || status === "queued") && (
        <button type="button" className="button" disabled={busy} onClick={() => void act("pause")}>
          <Pause size={16} aria-hidden /> {t("Pause")}
        </button>
      )}
      {(status === "paused" || status === "failed") && (
        <button
          type="button"
          className="button button-primary"
          disabled={busy}
          onClick={() => void act("resume")}
        >
          <Play size={16} aria-hidden /> {t("Resume")}
        </button>
      )}
      {status !== "succeeded" && status !== "cancelled" && (
        <button type="button" className="button" disabled={busy} onClick={() => setAsking(true)}>
          <X size={16} aria-hidden /> {t("Cancel run")}
        </button>
      )}
      <Link to={`/app/training/new?from=${job.id}`} className="button">
        <RotateCcw size={16} aria-hidden /> {t("Start again")}
      </Link>
      {job.fine_tuned_model !== null && (
        <Link
          to={`/?model=${encodeURIComponent(job.fine_tuned_model)}`}
          className="button button-primary"
        >
          <MessageSquare size={16} aria-hidden /> {t("Chat with it")}
        </Link>
      )}
      {asking && (
        <Dialog title={t("Cancel this run?")} onClose={() => setAsking(false)}>
          <p>
            {t(
              "Nothing of it is kept: no checkpoint and no model. To go on later, pause it instead.",
            )}
          </p>
          <div className="page-actions">
            <button
              type="button"
              className="button button-danger"
              onClick={() => {
                setAsking(false);
                void act("cancel");
              }}
            >
              {t("Cancel and discard")}
            </button>
            <button type="button" className="button" onClick={() => setAsking(false)}>
              {t("Let it run")}
            </button>
          </div>
        </Dialog>
      )}
    </>
  );
}
