/** The pages beside the chat: what each is called, and its code, fetched when it is first opened. */

import { Boxes, Cloud, Database, GraduationCap, MessagesSquare, Settings } from "lucide-react";
import { type ComponentType, type LazyExoticComponent, lazy } from "react";

import { t } from "../ui/i18n";
import type { PageName } from "./route";

interface Page {
  name: () => string;
  Icon: typeof Settings;
  Body: LazyExoticComponent<ComponentType<{ id: string | null }>>;
}

export const BODIES: Record<PageName, Page> = {
  data: {
    name: () => t("Data"),
    Icon: Database,
    Body: lazy(() => import("../features/datasets/DatasetsPage")),
  },
  conversations: {
    name: () => t("Conversations"),
    Icon: MessagesSquare,
    Body: lazy(() => import("../features/archive/ArchivePage")),
  },
  training: {
    name: () => t("Training"),
    Icon: GraduationCap,
    Body: lazy(() => import("../features/training/TrainingPage")),
  },
  models: {
    name: () => t("Models"),
    Icon: Boxes,
    Body: lazy(() => import("../features/library/ModelsPage")),
  },
  providers: {
    name: () => t("Providers"),
    Icon: Cloud,
    Body: lazy(() => import("../features/providers/ProvidersPage")),
  },
  settings: {
    name: () => t("Settings"),
    Icon: Settings,
    Body: lazy(() => import("../features/settings/SettingsPage")),
  },
};
