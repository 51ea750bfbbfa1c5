import { X } from "lucide-react";

import type { Task } from "../../api/library";
import { describeError } from "../../api/http";
import { t } from "../../ui/i18n";
import { Progress } from "../../ui/Progress";
import { formatBytes } from "../../ui/units";
import { cancel, putTaskAway } from "./store";

/** What is being pulled, quantised or exported, and how it ended. */
export function TaskCard({ task }: { task: Task }) {
  const running = task.status === "running";
  return (
    <section className="card task-card" aria-label={t("Task")}>
      <div className="task-body">
        {running ? (
          <Progress
            label={doing(task)}
            value={task.total > 0 ? Math.min(1, task.done / task.total) : null}
            note={note(task)}
          />
        ) : (
          <Ending task={task} />
        )}
        {task.notes.map((text) => (
          <p key={text} className="hint task-note" lang="en">
            {text}
          </p>
        ))}
      </div>
      {running ? (
        <button type="button" className="button button-small" onClick={() => void cancel(task.id)}>
          {t("Cancel")}
        </button>
      ) : (
        <button
          type="button"
          className="icon-button"
          aria-label={t("Put away")}
          onClick={putTaskAway}
        >
          <X size={16} aria-hidden />
        </button>
      )}
    </section>
  );
}

function Ending({ task }: { task: Task }) {
  if (task.status !== "failed") return <p role="status">{ended(task)}</p>;
  return (
    <p role="status" className="task-failed" lang="en">
      {describeError(task.error ?? "")}
    </p>
  );
}

function doing({ kind, model, to }: Task): string {
  if (kind === "pull") return t("Getting {name}", { name: model });
  if (kind === "quantize") return t("Quantising {name} to {format}", { name: model, format: to ?? "" });
  return t("Exporting {name} as {format}", { name: model, format: to ?? "" });
}

function note({ done, total, file }: Task): string {
  if (total === 0) return t("Looking…");
  const bytes = t("{done} of {total}", { done: formatBytes(done), total: formatBytes(total) });
  return done >= total ? t("Checking…") : [bytes, file].filter(Boolean).join(" · ");
}

function ended(task: Task): string {
  const name = task.result ?? task.model;
  if (task.status === "cancelled") {
    return task.kind === "pull"
      ? t("Cancelled. What was fetched is kept: getting {name} again goes on from there.", { name })
      : t("Cancelled. Nothing was changed.");
  }
  return task.kind === "export"
    ? t("{name} is among the exports below.", { name })
    : t("{name} is ready.", { name });
}
