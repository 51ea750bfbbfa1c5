import type { JobStatus } from "../../api/training";
import { statusWord } from "./words";

export function StatusChip({ status }: { status: JobStatus }) {
  return (
    <span className="run-chip" data-status={status}>
      {statusWord(status)}
    </span>
  );
}
