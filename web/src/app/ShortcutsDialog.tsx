import { Fragment } from "react";

import { Dialog } from "../ui/Dialog";
import { t } from "../ui/i18n";
import { keyName } from "./keys";

/** The `?` sheet. */
export function ShortcutsDialog({ onClose }: { onClose: () => void }) {
  const mod = keyName("mod");
  const shift = keyName("shift");
  const enter = keyName("enter");
  const groups: [string, [string[], string][]][] = [
    [
      t("Everywhere"),
      [
        [[mod, "K"], t("Command palette: go anywhere, do anything")],
        [["/"], t("Search conversations")],
        [[mod, shift, "O"], t("New chat")],
        [["?"], t("This sheet; also {keys} while writing", { keys: `${mod}+/` })],
        [["Tab"], t("To the next control; with {key} back", { key: shift })],
        [[keyName("esc")], t("Close what is open")],
      ],
    ],
    [
      t("Chat"),
      [
        [[enter], t("Send message")],
        [[shift, enter], t("New line")],
        [[keyName("esc")], t("Stop answering")],
      ],
    ],
    [
      t("Lists and menus"),
      [
        [["↑", "↓"], t("To the one before, to the next")],
        [[enter], t("Choose")],
      ],
    ],
  ];
  return (
    <Dialog title={t("Keyboard shortcuts")} onClose={onClose}>
      <div className="shortcuts">
        {groups.map(([name, rows]) => (
          <section key={name} aria-label={name}>
            <h3>{name}</h3>
            <dl>
              {rows.map(([keys, what]) => (
                <div key={what}>
                  <dt>
                    {keys.map((key, at) => (
                      <Fragment key={key}>
                        {at > 0 && " "}
                        <kbd>{key}</kbd>
                      </Fragment>
                    ))}
                  </dt>
                  <dd>{what}</dd>
                </div>
              ))}
            </dl>
          </section>
        ))}
      </div>
    </Dialog>
  );
}
