import { FileText, X } from "lucide-react";

import { formatNumber, t } from "../../../ui/i18n";
import { formatBytes } from "../../../ui/units";
import { useChatContext } from "../context";
import { PictureImage } from "./PictureImage";
import { blindText } from "./pictures";
import { type Waiting, isBeingRead, remove, useWaiting } from "./store";

/** The files that go with the next question. */
export function WaitingList({ threadKey }: { threadKey: string }) {
  const waiting = useWaiting(threadKey);
  const { blind, seeing } = useChatContext();
  if (waiting.length === 0) return null;
  const pictured = waiting.some(({ picture }) => picture !== null);
  return (
    <>
      <ul className="attached" aria-label={t("Attached files")}>
        {waiting.map((one) => (
          <li key={one.id} className="attached-file" aria-busy={isBeingRead(one)}>
            {one.picture === null ? (
              <FileText size={15} aria-hidden />
            ) : (
              <PictureImage
                className="attached-thumbnail"
                file={one.picture}
                name={one.name}
              />
            )}
            <span className="attached-name">{one.name}</span>
            <span className="attached-facts">{facts(one)}</span>
            <button
              type="button"
              className="icon-button"
              aria-label={t("Leave out {name}", { name: one.name })}
              onClick={() => remove(threadKey, one.id)}
            >
              <X size={14} aria-hidden />
            </button>
          </li>
        ))}
      </ul>
      {pictured && blind !== null && (
        <p className="attached-note" role="status">
          {blindText(blind, seeing)}
        </p>
      )}
    </>
  );
}

function facts({ found, picture }: Waiting): string {
  if (picture !== null) return formatBytes(picture.size);
  if (found === null) return t("is being read, then you can send…");
  const said = [t("{n} characters", { n: formatNumber(found.characters) })];
  if (found.pages > 0) {
    said.push(
      t("{read} of {n} pages", {
        read: formatNumber(found.pages_read),
        n: formatNumber(found.pages),
      }),
    );
  }
  if (found.truncated) said.push(t("the rest is left out"));
  return said.join(" · ");
}
