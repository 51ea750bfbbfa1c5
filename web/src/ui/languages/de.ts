/** Deutsch. Each key is the sentence as the source has it; what several features say is here. */

import { chat } from "./deChat";
import { conversations } from "./deConversations";
import { dataWords } from "./deData";
import { everywhere } from "./deEverywhere";
import { modelWords } from "./deModels";
import { trainingWords } from "./deTraining";
import { trainingSettingWords } from "./deTrainingSettings";

export const words: Readonly<Record<string, string>> = {
  ...chat,
  ...conversations,
  ...dataWords,
  ...everywhere,
  ...modelWords,
  ...trainingWords,
  ...trainingSettingWords,
  "about {time} left": "noch etwa {time}",
  "Appearance": "Aussehen",
  "As the browser": "Wie der Browser",
  "As the system": "Wie das System",
  "Cancel": "Abbrechen",
  "Chat": "Chat",
  "Close": "Schließen",
  "Continue": "Weiter",
  "Conversations": "Gespräche",
  "Dark": "Dunkel",
  "Data": "Daten",
  "default": "Standard",
  "Delete": "Löschen",
  "done": "fertig",
  "Export": "Exportieren",
  "Export…": "Exportieren …",
  "failed": "gescheitert",
  "Folder": "Ordner",
  "held out": "zurückgehalten",
  "Hide conversations": "Gespräche ausblenden",
  "JSON": "JSON",
  "Kept in this browser.": "Bleibt in diesem Browser.",
  "Language": "Sprache",
  "Light": "Hell",
  "Model": "Modell",
  "Name": "Name",
  "New chat": "Neuer Chat",
  "New chat (Ctrl+Shift+O)": "Neuer Chat (Strg+Umschalt+O)",
  "Opening…": "Wird geöffnet …",
  "Pages": "Seiten",
  "Preset": "Vorlage",
  "Remove": "Entfernen",
  "running": "läuft",
  "Save": "Speichern",
  "Settings": "Einstellungen",
  "Show conversations": "Gespräche zeigen",
  "Show pages": "Seiten zeigen",
  "Sidebar": "Seitenleiste",
  "Small models make things up. Check what matters.":
    "Kleine Modelle erfinden manches. Prüfe, worauf es ankommt.",
  "Theme": "Farben",
  "Training": "Training",
  "Undo": "Rückgängig",
  "waiting": "wartet",
  "{n} held out": "{n} zurückgehalten",
  "{n} rows": "{n} Zeilen",
  "{n} tokens": "{n} Token",
};
