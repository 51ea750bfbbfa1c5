import { BranchPickerPrimitive, useAuiState } from "@assistant-ui/react";
import { ChevronLeft, ChevronRight } from "lucide-react";

import { t } from "../../ui/i18n";

/** Step between the versions of one message. */
export function Branches() {
  const number = useAuiState((state) => state.message.branchNumber);
  const count = useAuiState((state) => state.message.branchCount);
  return (
    <BranchPickerPrimitive.Root hideWhenSingleBranch className="branches">
      <BranchPickerPrimitive.Previous className="icon-button" aria-label={t("Previous version")}>
        <ChevronLeft size={16} aria-hidden />
      </BranchPickerPrimitive.Previous>
      <span aria-hidden>
        {number}/{count}
      </span>
      <span className="visually-hidden">
        {t("Version {number} of {count}", { number, count })}
      </span>
      <BranchPickerPrimitive.Next className="icon-button" aria-label={t("Next version")}>
        <ChevronRight size={16} aria-hidden />
      </BranchPickerPrimitive.Next>
    </BranchPickerPrimitive.Root>
  );
}
