import { useEffect, useState } from "react";

import { fetchPicture } from "../../../api/pictures";
import { t } from "../../../ui/i18n";
import { useChatContext } from "../context";
import type { Message, MessagePicture } from "../message";
import { PictureImage } from "./PictureImage";

/** The pictures that went with a question. */
export function SentPictures({ message }: { message: Message }) {
  if (message.pictures.length === 0) return null;
  return (
    <ul className="sent-pictures" aria-label={t("Attached pictures")}>
      {message.pictures.map((picture) => (
        <li key={picture.place}>
          <SentPicture picture={picture} messageId={message.serverId} />
        </li>
      ))}
    </ul>
  );
}

/** One of them: as this page sent it, or else fetched with the key, which no plain link carries. */
export function SentPicture({
  picture: { place, name, file },
  messageId,
  thumbnail = false,
}: {
  picture: MessagePicture;
  messageId: string | null;
  thumbnail?: boolean;
}) {
  const { conversationId } = useChatContext();
  const [fetched, setFetched] = useState<Blob | "failed" | null>(null);
  useEffect(() => {
    if (file !== null || conversationId === null || messageId === null) return undefined;
    const leaving = new AbortController();
    fetchPicture(conversationId, messageId, place, leaving.signal).then(setFetched, () => {
      if (!leaving.signal.aborted) setFetched("failed");
    });
    return () => leaving.abort();
  }, [file, conversationId, messageId, place]);
  const there = file ?? fetched;
  if (there === "failed") {
    return <span className="picture-gone">{t("{name} could not be loaded.", { name })}</span>;
  }
  if (there === null) {
    const look = thumbnail ? "attached-thumbnail" : "picture-waiting";
    return <span className={look} role="img" aria-label={name} />;
  }
  const look = thumbnail ? "attached-thumbnail" : "sent-picture";
  return <PictureImage className={look} file={there} name={name} />;
}
