import { Download } from "lucide-react";

import { t } from "../../ui/i18n";
import { Section } from "../../ui/PageFrame";
import { save } from "./save";

export function ExportAll() {
  return (
    <Section
      title={t("Export everything")}
      about={t("Every conversation with every version and rating, in one JSON file that can be imported again. Pictures may make it larger than the 100 MB that an import takes, unless max_body_bytes allows more: then export the conversations that have them one by one.")}
    >
      <div>
        <button type="button" className="button" onClick={() => void save("/conversations/export")}>
          <Download size={16} aria-hidden /> {t("Export all conversations")}
        </button>
      </div>
    </Section>
  );
}
