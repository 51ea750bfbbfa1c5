import { PencilLine, ThumbsDown, ThumbsUp } from "lucide-react";

import type { Thumb } from "../../../api/types";
import { t } from "../../../ui/i18n";
import type { Message } from "../message";
import { rate } from "./rate";

export type RatingView = "reasons" | "correction" | null;

/** Thumbs, and a pencil for a better answer. */
export function RatingBar({
  message,
  onShow,
}: {
  message: Message;
  onShow: (view: RatingView) => void;
}) {
  const thumb = message.rating?.thumb ?? null;
  const corrected = (message.rating?.correction ?? null) !== null;
  const choose = (wanted: Thumb) => {
    const taken = thumb === wanted;
    onShow(taken ? null : "reasons");
    void rate(message.id, taken ? { thumb: null, reason: null } : { thumb: wanted, reason: null });
  };
  if (message.serverId === null) return null;
  return (
    <>
      <button
        type="button"
        className="icon-button"
        aria-label={t("Good answer")}
        aria-pressed={thumb === "up"}
        onClick={() => choose("up")}
      >
        <ThumbsUp size={15} aria-hidden />
      </button>
      <button
        type="button"
        className="icon-button"
        aria-label={t("Bad answer")}
        aria-pressed={thumb === "down"}
        onClick={() => choose("down")}
      >
        <ThumbsDown size={15} aria-hidden />
      </button>
      <button
        type="button"
        className="icon-button"
        aria-label={t("Write a better answer")}
        aria-pressed={corrected}
        onClick={() => onShow("correction")}
      >
        <PencilLine size={15} aria-hidden />
      </button>
    </>
  );
}
