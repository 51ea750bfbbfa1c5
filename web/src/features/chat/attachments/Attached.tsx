import { FileText } from "lucide-react";

import { formatNumber, t } from "../../../ui/i18n";
import type { Block } from "./blocks";

/** The files that went with a question; each unfolds to what was read of it. */
export function Attached({ blocks }: { blocks: readonly Block[] }) {
  if (blocks.length === 0) return null;
  return (
    <div className="sent-files" role="group" aria-label={t("Attached files")}>
      {blocks.map(({ name, text }) => (
        <details key={`${name} ${text.length}`} className="sent-file">
          <summary>
            <FileText size={15} aria-hidden /> <span className="attached-name">{name}</span>
            <span className="attached-facts">
              {t("{n} characters", { n: formatNumber(Array.from(text).length) })}
            </span>
          </summary>
          <pre>{text}</pre>
        </details>
      ))}
    </div>
  );
}
