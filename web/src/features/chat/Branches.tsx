import { BranchPickerPrimitive } from "@assistant-ui/react";
import { ChevronLeft, ChevronRight } from "lucide-react";

/** Step between the versions of one message. */
export function Branches() {
  return (
    <BranchPickerPrimitive.Root hideWhenSingleBranch className="branches">
      <BranchPickerPrimitive.Previous className="icon-button" aria-label="Previous version">
        <ChevronLeft size={16} aria-hidden />
      </BranchPickerPrimitive.Previous>
      <span className="branches-count">
        <span className="visually-hidden">Version </span>
        <BranchPickerPrimitive.Number />
        <span aria-hidden>/</span>
        <span className="visually-hidden"> of </span>
        <BranchPickerPrimitive.Count />
      </span>
      <BranchPickerPrimitive.Next className="icon-button" aria-label="Next version">
        <ChevronRight size={16} aria-hidden />
      </BranchPickerPrimitive.Next>
    </BranchPickerPrimitive.Root>
  );
}
