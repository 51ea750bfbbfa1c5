import { Menu, SquarePen } from "lucide-react";

import { SettingsPopover } from "../features/chat/settings/SettingsPopover";
import { RivalPicker } from "../features/models/RivalPicker";
import { ModelPicker } from "../features/models/ModelPicker";
import { t } from "../ui/i18n";
import { ThemeToggle } from "../ui/ThemeToggle";

export function Header({
  settingsId,
  onOpenDrawer,
  onNew,
}: {
  settingsId: string;
  onOpenDrawer: () => void;
  onNew: () => void;
}) {
  return (
    <header className="header">
      <button
        type="button"
        className="icon-button only-narrow"
        aria-label={t("Show conversations")}
        onClick={onOpenDrawer}
      >
        <Menu size={19} aria-hidden />
      </button>
      <ModelPicker />
      <RivalPicker />
      <span className="grow" />
      <SettingsPopover key={settingsId} id={settingsId} />
      <span className="only-wide">
        <ThemeToggle />
      </span>
      <button
        type="button"
        className="icon-button only-narrow"
        aria-label={t("New chat")}
        onClick={onNew}
      >
        <SquarePen size={18} aria-hidden />
      </button>
    </header>
  );
}
