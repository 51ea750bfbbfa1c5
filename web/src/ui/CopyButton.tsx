import { Check, Copy } from "lucide-react";
import { useEffect, useState } from "react";

import { t } from "./i18n";

/** Copies, and says for a moment that it did. */
export function CopyButton({
  text,
  label,
  showLabel = false,
}: {
  text: string | (() => string);
  label: string;
  showLabel?: boolean;
}) {
  const [copied, setCopied] = useState(false);
  useEffect(() => {
    if (!copied) return undefined;
    const timer = setTimeout(() => setCopied(false), 1600);
    return () => clearTimeout(timer);
  }, [copied]);

  const copy = async () => {
    await writeClipboard(typeof text === "string" ? text : text());
    setCopied(true);
  };
  const Icon = copied ? Check : Copy;
  return (
    <button
      type="button"
      className={showLabel ? "text-button" : "icon-button"}
      aria-label={copied ? t("Copied") : label}
      onClick={() => void copy()}
    >
      <Icon size={15} aria-hidden />
      {showLabel && <span>{copied ? t("Copied") : t("Copy")}</span>}
    </button>
  );
}

/** The clipboard needs HTTPS or localhost; elsewhere the older way still works. */
async function writeClipboard(text: string): Promise<void> {
  try {
    await navigator.clipboard.writeText(text);
  } catch {
    const area = document.createElement("textarea");
    area.value = text;
    area.className = "visually-hidden";
    document.body.append(area);
    area.select();
    document.execCommand("copy");
    area.remove();
  }
}
