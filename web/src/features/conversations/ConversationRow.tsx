import {
  Archive,
  ArchiveRestore,
  Download,
  Ellipsis,
  Folder,
  Pencil,
  Pin,
  PinOff,
  Trash2,
} from "lucide-react";
import { Suspense, lazy, useRef, useState } from "react";

import type { Conversation } from "../../api/types";
import { t } from "../../ui/i18n";
import { Menu } from "../../ui/Menu";
import { Marked } from "./Marked";
import { remove } from "./remove";
import type { LeafOf, RowDialog } from "./RowDialogs";
import { change } from "./store";

const RowDialogs = lazy(() => import("./RowDialogs"));

export function ConversationRow({
  conversation,
  active,
  leafOf,
  onOpen,
  onDeleted,
}: {
  conversation: Conversation;
  active: boolean;
  leafOf: LeafOf;
  onOpen: (conversation: Conversation) => void;
  onDeleted: (id: string) => void;
}) {
  const [renaming, setRenaming] = useState(false);
  const [dialog, setDialog] = useState<RowDialog | null>(null);
  const { id, pinned, archived, match } = conversation;
  const title = conversation.title?.trim() || t("New chat");
  if (renaming) {
    return (
      <li className="conversation" data-active={active}>
        <TitleEditor
          title={title}
          onDone={(wanted) => {
            setRenaming(false);
            if (wanted !== null) void change(id, { title: wanted });
          }}
        />
      </li>
    );
  }
  return (
    <li className="conversation" data-active={active}>
      <a
        href={`/app/c/${id}`}
        className="conversation-link"
        title={title}
        aria-current={active ? "page" : undefined}
        data-found={match !== undefined}
        onClick={(event) => {
          if (event.metaKey || event.ctrlKey || event.shiftKey) return;
          event.preventDefault();
          onOpen(conversation);
        }}
      >
        {match ? <Marked text={title} places={match.title} /> : title}
        {match && match.text !== null && (
          <span className="snippet">
            <Marked text={match.text} places={match.places} />
          </span>
        )}
      </a>
      <Menu
        label={t("Options for {title}", { title })}
        className="icon-button conversation-menu"
        icon={<Ellipsis size={16} aria-hidden />}
        items={[
          { label: t("Rename"), Icon: Pencil, run: () => setRenaming(true) },
          pinned
            ? { label: t("Unpin"), Icon: PinOff, run: () => void change(id, { pinned: false }) }
            : { label: t("Pin"), Icon: Pin, run: () => void change(id, { pinned: true }) },
          archived
            ? {
                label: t("Take out of archive"),
                Icon: ArchiveRestore,
                run: () => void change(id, { archived: false }),
              }
            : { label: t("Archive"), Icon: Archive, run: () => void change(id, { archived: true }) },
          { label: t("Move to a folder…"), Icon: Folder, run: () => setDialog("folder") },
          { label: t("Export…"), Icon: Download, run: () => setDialog("export") },
          {
            label: t("Delete"),
            Icon: Trash2,
            danger: true,
            run: () => {
              remove(id);
              onDeleted(id);
            },
          },
        ]}
      />
      {dialog !== null && (
        <Suspense fallback={null}>
          <RowDialogs
            dialog={dialog}
            conversation={conversation}
            leafOf={leafOf}
            onClose={() => setDialog(null)}
          />
        </Suspense>
      )}
    </li>
  );
}

function TitleEditor({
  title,
  onDone,
}: {
  title: string;
  onDone: (title: string | null) => void;
}) {
  const [text, setText] = useState(title);
  const finished = useRef(false);
  const finish = (keep: boolean) => {
    if (finished.current) return;
    finished.current = true;
    const wanted = text.trim();
    onDone(keep && wanted !== "" && wanted !== title ? wanted : null);
  };
  return (
    <input
      className="title-editor"
      aria-label={t("Title")}
      value={text}
      maxLength={200}
      ref={(input) => {
        if (input && document.activeElement !== input) input.select();
      }}
      onChange={(event) => setText(event.target.value)}
      onBlur={() => finish(true)}
      onKeyDown={(event) => {
        if (event.nativeEvent.isComposing) return;
        if (event.key === "Enter") finish(true);
        if (event.key === "Escape") {
          event.stopPropagation();
          finish(false);
        }
      }}
    />
  );
}
