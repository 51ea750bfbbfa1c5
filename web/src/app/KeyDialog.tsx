import { useEffect, useRef, useState } from "react";

import { keyGiven, useConnection } from "../api/connection";
import { readKey, saveKey } from "../api/key";
import { t } from "../ui/i18n";

/** Asks for the API key when the server wants one. */
export function KeyDialog() {
  const needed = useConnection((state) => state.keyNeeded);
  const dialog = useRef<HTMLDialogElement>(null);
  const [key, setKey] = useState("");
  useEffect(() => {
    if (needed) dialog.current?.showModal();
    else dialog.current?.close();
  }, [needed]);
  if (!needed) return null;
  return (
    <dialog
      ref={dialog}
      className="dialog"
      aria-labelledby="key-title"
      onCancel={(event) => event.preventDefault()}
    >
      <form
        onSubmit={(event) => {
          event.preventDefault();
          saveKey(key.trim());
          setKey("");
          keyGiven();
        }}
      >
        <h2 id="key-title">{t("This server asks for a key")}</h2>
        <p>
          {readKey() === null
            ? t("Type the API key that Mini-Claude was started with.")
            : t("That key was not accepted. Please try again.")}
        </p>
        <label className="visually-hidden" htmlFor="key">
          {t("API key")}
        </label>
        <input
          id="key"
          type="password"
          autoComplete="current-password"
          value={key}
          onChange={(event) => setKey(event.target.value)}
        />
        <p className="hint">{t("It is kept in this tab until you close it.")}</p>
        <button type="submit" className="button button-primary" disabled={key.trim() === ""}>
          {t("Continue")}
        </button>
      </form>
    </dialog>
  );
}
