import { X } from "lucide-react";
import { useEffect } from "react";

import { t } from "../../../ui/i18n";
import type { Message } from "../message";
import { keepAll, leaveOut, useKept } from "./leftOut";
import { SentPicture } from "./SentPictures";

/** The pictures of a question that is being edited, each of which can be left out. */
export function EditedPictures({ question }: { question: Message }) {
  const { id, serverId } = question;
  const pictures = useKept(question);
  useEffect(() => keepAll(id), [id]);
  if (pictures.length === 0) return null;
  return (
    <ul className="attached" aria-label={t("Attached pictures")}>
      {pictures.map((picture) => (
        <li key={picture.place} className="attached-file">
          <SentPicture picture={picture} messageId={serverId} thumbnail />
          <span className="attached-name">{picture.name}</span>
          <button
            type="button"
            className="icon-button"
            aria-label={t("Leave out {name}", { name: picture.name })}
            onClick={() => leaveOut(id, picture.place)}
          >
            <X size={14} aria-hidden />
          </button>
        </li>
      ))}
    </ul>
  );
}
