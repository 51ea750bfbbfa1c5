import { Folder } from "lucide-react";

import { t } from "../../ui/i18n";
import { openFolder, useConversations } from "./store";

/** Which folder the list shows; not there before the first folder is. */
export function FolderSelect() {
  const folders = useConversations((state) => state.folders);
  const folder = useConversations((state) => state.folder);
  if (folders.length === 0 && folder === null) return null;
  const names = folders.map(({ name }) => name);
  return (
    <label className="folder-select">
      <Folder size={15} aria-hidden />
      <span className="visually-hidden">{t("Folder")}</span>
      <select
        value={folder ?? ""}
        onChange={(event) => openFolder(event.target.value || null)}
      >
        <option value="">{t("All folders")}</option>
        {(folder === null || names.includes(folder) ? names : [...names, folder]).map((name) => (
          <option key={name} value={name}>
            {name}
          </option>
        ))}
      </select>
    </label>
  );
}
