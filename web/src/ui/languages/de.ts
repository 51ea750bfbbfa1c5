/** Deutsch. Each key is the sentence as the source has it; what several features say is here. */

import { categoryWords } from "./deCategories";
import { chat } from "./deChat";
import { conversations } from "./deConversations";
import { dataWords } from "./deData";
import { everywhere } from "./deEverywhere";
import { modelWords } from "./deModels";
import { trainingWords } from "./deTraining";
import { trainingSettingWords } from "./deTrainingSettings";

export const words: Readonly<Record<string, string>> = {
  ...categoryWords,
  ...chat,
  ...conversations,
  ...dataWords,
  ...everywhere,
  ...modelWords,
  ...trainingWords,
  ...trainingSettingWords,
  "about {time} left": "noch etwa {time}",
  "Address, keys, limits, number formats, and theme and language for browsers that chose none: in config.toml in its home folder, described in docs/settings.md.":
    "Adresse, Schlüssel, Grenzen, Zahlenformate, auch Farben und Sprache für Browser, die nichts gewählt haben: in config.toml in seinem Heimordner, beschrieben in docs/settings.md.",
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
  "How answers are drawn": "Wie geantwortet wird",
  "In a chat, at the top left; the default for everyone on the page of models.":
    "In einem Chat oben links; der Standard für alle auf der Seite der Modelle.",
  "In a chat, at the top right: kept with that conversation, and as a preset if you name it.":
    "In einem Chat oben rechts: bleibt bei diesem Gespräch und, wenn du sie benennst, als Vorlage.",
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
  "Set elsewhere": "Anderswo eingestellt",
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
  "What the server does": "Was der Server tut",
  "Which model answers": "Welches Modell antwortet",
  "{n} held out": "{n} zurückgehalten",
  "{n} rows": "{n} Zeilen",
  "{n} tokens": "{n} Token",
};
