import { Paperclip } from "lucide-react";
import { useRef } from "react";

import { t } from "../../../ui/i18n";
import { attach } from "./store";

/** Choose files to ask about. */
export function AttachButton({ threadKey }: { threadKey: string }) {
  const input = useRef<HTMLInputElement>(null);
  return (
    <>
      <button
        type="button"
        className="icon-button attach"
        aria-label={t("Attach pictures, text files or PDFs")}
        title={t("Attach pictures, text files or PDFs")}
        onClick={() => input.current?.click()}
      >
        <Paperclip size={18} aria-hidden />
      </button>
      <input
        ref={input}
        type="file"
        multiple
        hidden
        onChange={(event) => {
          attach(threadKey, event.target.files ?? []);
          event.target.value = ""; // so that the same file can be chosen again
        }}
      />
    </>
  );
}
