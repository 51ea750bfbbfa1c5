/** Deutsch. Each key is the sentence as the source has it. */

import { chat } from "./deChat";
import { conversations } from "./deConversations";
import { dataWords } from "./deData";
import { trainingWords } from "./deTraining";
import { trainingSettingWords } from "./deTrainingSettings";
import { modelWords } from "./deModels";

export const words: Readonly<Record<string, string>> = {
  ...chat,
  ...conversations,
  ...dataWords,
  ...trainingWords,
  ...trainingSettingWords,
  ...modelWords,
  "Appearance": "Aussehen",
  "As the browser": "Wie der Browser",
  "As the system": "Wie das System",
  "Chat": "Chat",
  "Close": "Schließen",
  "Dark": "Dunkel",
  "Hide conversations": "Gespräche ausblenden",
  "Kept in this browser.": "Bleibt in diesem Browser.",
  "Language": "Sprache",
  "Light": "Hell",
  "New chat": "Neuer Chat",
  "New chat (Ctrl+Shift+O)": "Neuer Chat (Strg+Umschalt+O)",
  "Opening…": "Wird geöffnet …",
  "Pages": "Seiten",
  "Settings": "Einstellungen",
  "Show conversations": "Gespräche zeigen",
  "Show pages": "Seiten zeigen",
  "Sidebar": "Seitenleiste",
  "Small models make things up. Check what matters.":
    "Kleine Modelle erfinden manches. Prüfe, worauf es ankommt.",
  "Theme": "Farben",
};
