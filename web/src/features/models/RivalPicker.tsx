import { Columns2, X } from "lucide-react";

import { shortName } from "../../api/names";
import { t } from "../../ui/i18n";
import { Menu } from "../../ui/Menu";
import { chooseRival, currentModel, currentRival, useModels } from "./store";

/** Have a second model answer beside the first. Not there where there is only one. */
export function RivalPicker() {
  const state = useModels();
  const current = currentModel(state)?.id;
  const rival = currentRival(state);
  const others = state.models.filter(({ id }) => id !== current);
  if (others.length === 0) return null;
  if (rival !== null) {
    return (
      <span className="rival">
        <span className="rival-name" title={rival}>
          {t("and {model}", { model: shortName(rival) })}
        </span>
        <button
          type="button"
          className="icon-button"
          aria-label={t("Stop comparing with {model}", { model: rival })}
          onClick={() => chooseRival(null)}
        >
          <X size={15} aria-hidden />
        </button>
      </span>
    );
  }
  return (
    <Menu
      label={t("Compare with another model")}
      icon={<Columns2 size={17} aria-hidden />}
      className="icon-button"
      items={others.map(({ id }) => ({ label: id, Icon: Columns2, run: () => chooseRival(id) }))}
    />
  );
}
