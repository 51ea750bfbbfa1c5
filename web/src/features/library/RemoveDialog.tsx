import type { LibraryModel } from "../../api/library";
import { t } from "../../ui/i18n";
import { Dialog } from "../../ui/Dialog";
import { formatBytes } from "../../ui/units";
import { remove } from "./store";

/** Says what stands on a model before it goes. */
export function RemoveDialog({ model, onClose }: { model: LibraryModel; onClose: () => void }) {
  const stuck = model.needed_by.length > 0 || model.default;
  return (
    <Dialog title={t("Remove {name}?", { name: model.id })} onClose={onClose}>
      {model.needed_by.length > 0 && (
        <div role="alert">
          <p>{t("These stand on it and could not answer without it. Remove them first:")}</p>
          <ul>
            {model.needed_by.map((name) => (
              <li key={name}>{name}</li>
            ))}
          </ul>
        </div>
      )}
      {model.default && (
        <p role="alert">{t("It is the default model. Choose another default first.")}</p>
      )}
      {!stuck && (
        <p>
          {t("{size} become free. Conversations with it stay. You can undo this for some seconds.", {
            size: formatBytes(model.bytes),
          })}
        </p>
      )}
      <div className="dialog-buttons">
        <button type="button" className="button" onClick={onClose}>
          {t("Keep it")}
        </button>
        <button
          type="button"
          className="button button-danger"
          disabled={stuck}
          onClick={() => {
            onClose();
            void remove(model.id);
          }}
        >
          {t("Remove")}
        </button>
      </div>
    </Dialog>
  );
}
