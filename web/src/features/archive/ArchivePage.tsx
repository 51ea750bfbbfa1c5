import { t } from "../../ui/i18n";
import { PageFrame } from "../../ui/PageFrame";
import { ExportAll } from "./ExportAll";
import { FeedbackSection } from "./FeedbackSection";
import { ImportSection } from "./ImportSection";

/** What is done with all conversations at once. */
export default function ArchivePage() {
  return (
    <PageFrame
      title={t("Conversations")}
      about={t("Bring them from elsewhere, take them with you, and learn from what you thought of them.")}
    >
      <FeedbackSection />
      <ImportSection />
      <ExportAll />
    </PageFrame>
  );
}
