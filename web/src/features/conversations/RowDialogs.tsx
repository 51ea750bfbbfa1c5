/** What takes more than a click: choosing a folder, choosing a file's form. Fetched when wanted. */

import { Download, Folder, FolderX } from "lucide-react";
import { useId, useState } from "react";

import { exportPath, saveFile } from "../../api/transfer";
import type { Conversation } from "../../api/types";
import { Dialog } from "../../ui/Dialog";
import { t } from "../../ui/i18n";
import { showError } from "../../ui/toast";
import { change, useConversations } from "./store";

export type RowDialog = "folder" | "export";

/** The last message of a conversation that is on the screen; null where none of it is. */
export type LeafOf = (id: string) => string | null;

export default function RowDialogs({
  dialog,
  conversation,
  leafOf,
  onClose,
}: {
  dialog: RowDialog;
  conversation: Conversation;
  leafOf: LeafOf;
  onClose: () => void;
}) {
  return dialog === "folder" ? (
    <FolderDialog conversation={conversation} onClose={onClose} />
  ) : (
    <ExportDialog conversation={conversation} leafOf={leafOf} onClose={onClose} />
  );
}

function FolderDialog({
  conversation,
  onClose,
}: {
  conversation: Conversation;
  onClose: () => void;
}) {
  const folders = useConversations((state) => state.folders);
  const [name, setName] = useState("");
  const id = useId();
  const move = (folder: string) => {
    void change(conversation.id, { folder });
    onClose();
  };
  return (
    <Dialog title={t("Move to a folder")} onClose={onClose}>
      <div className="dialog-body">
        <ul className="choices">
          {folders.map((folder) => (
            <li key={folder.name}>
              <button
                type="button"
                className="choice"
                aria-pressed={folder.name === conversation.folder}
                onClick={() => move(folder.name)}
              >
                <Folder size={16} aria-hidden /> {folder.name}
              </button>
            </li>
          ))}
          {conversation.folder !== undefined && conversation.folder !== "" && (
            <li>
              <button type="button" className="choice" onClick={() => move("")}>
                <FolderX size={16} aria-hidden /> {t("Out of its folder")}
              </button>
            </li>
          )}
        </ul>
        <form
          className="inline-form"
          onSubmit={(event) => {
            event.preventDefault();
            if (name.trim() !== "") move(name.trim());
          }}
        >
          <label htmlFor={id}>{t("New folder")}</label>
          <input
            id={id}
            value={name}
            maxLength={60}
            autoComplete="off"
            onChange={(event) => setName(event.target.value)}
          />
          <button type="submit" className="button button-primary" disabled={name.trim() === ""}>
            {t("Move")}
          </button>
        </form>
      </div>
    </Dialog>
  );
}

const FORMS: readonly (readonly [string, () => string, () => string])[] = [
  ["html", () => t("Web page"), () => t("One file to send to somebody: what is on the screen, without scripts.")],
  ["markdown", () => t("Markdown"), () => t("Text to read or to go on with elsewhere.")],
  ["json", () => t("JSON"), () => t("All of it, every version: to keep, and to import again.")],
  ["openai", () => t("Training row, OpenAI"), () => t("To teach a model with.")],
  ["sharegpt", () => t("Training row, ShareGPT"), () => t("The same, for other tools.")],
  ["alpaca", () => t("Training row, Alpaca"), () => t("The same, in the oldest form.")],
];

function ExportDialog({
  conversation,
  leafOf,
  onClose,
}: {
  conversation: Conversation;
  leafOf: LeafOf;
  onClose: () => void;
}) {
  const save = async (form: string) => {
    try {
      await saveFile(exportPath(conversation.id, form, leafOf(conversation.id)));
      onClose();
    } catch (error) {
      showError(error);
    }
  };
  return (
    <Dialog title={t("Export")} onClose={onClose}>
      <ul className="choices dialog-body">
        {FORMS.map(([form, name, about]) => (
          <li key={form}>
            <button type="button" className="choice" onClick={() => void save(form)}>
              <Download size={16} aria-hidden />
              <span>
                <strong>{name()}</strong>
                <span className="hint">{about()}</span>
              </span>
            </button>
          </li>
        ))}
      </ul>
    </Dialog>
  );
}
