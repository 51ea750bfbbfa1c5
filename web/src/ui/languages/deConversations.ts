/** Deutsch: ratings, folders, search, files of conversations. */

export const conversations: Readonly<Record<string, string>> = {
  "1 rating: make a dataset of it": "1 Bewertung: einen Datensatz daraus machen",
  "A better answer": "Eine bessere Antwort",
  "A JSON file that Mini-Claude, ChatGPT (conversations.json) or Open WebUI exported. All of it is taken, or nothing.":
    "Eine JSON-Datei, die Mini-Claude, ChatGPT (conversations.json) oder Open WebUI exportiert hat. Sie wird ganz übernommen oder gar nicht.",
  "All folders": "Alle Ordner",
  "All of it, every version: to keep, and to import again.":
    "Alles, mit jeder Fassung: zum Aufheben und Wieder-Importieren.",
  "Bad": "Schlecht",
  "Bad answer": "Schlechte Antwort",
  "Badly written": "Schlecht geschrieben",
  "Better and worse": "Besser und schlechter",
  "Better answers": "Bessere Antworten",
  "Bring them from elsewhere, take them with you, and learn from what you thought of them.":
    "Von anderswo herholen, mitnehmen und aus dem lernen, was du davon hieltest.",
  "Choose a file…": "Datei wählen …",
  "Correct": "Richtig",
  "Done": "Fertig",
  "Every conversation with every version and rating, in one JSON file that can be imported again. Pictures may make it larger than the 100 MB that an import takes, unless max_body_bytes allows more: then export the conversations that have them one by one.":
    "Jedes Gespräch mit jeder Fassung und Bewertung, in einer JSON-Datei, die sich wieder importieren lässt. Bilder können sie größer machen als die 100 MB, die ein Import nimmt, wenn nicht max_body_bytes mehr erlaubt: Exportiere dann die Gespräche mit Bildern einzeln.",
  "Export all conversations": "Alle Gespräche exportieren",
  "Export everything": "Alles exportieren",
  "File to import": "Datei zum Importieren",
  "From {source}: {conversations} conversations with {messages} messages.":
    "Aus {source}: {conversations} Gespräche mit {messages} Nachrichten.",
  "Good": "Gut",
  "Good answer": "Gute Antwort",
  "Good or bad": "Gut oder schlecht",
  "Helpful": "Hilfreich",
  "Import": "Importieren",
  "In your own words": "In eigenen Worten",
  "In your own words, if you like": "In eigenen Worten, wenn du magst",
  "Incorrect": "Falsch",
  "Left out, for there is no place for it here:": "Weggelassen, weil es hier keinen Platz hat:",
  "Markdown": "Markdown",
  "Move": "Verschieben",
  "Move to a folder": "In einen Ordner verschieben",
  "Move to a folder…": "In einen Ordner verschieben …",
  "New folder": "Neuer Ordner",
  "Not helpful": "Nicht hilfreich",
  "Not what I asked for": "Nicht, was ich wollte",
  "Nothing is rated yet. Below each answer are two thumbs and a pencil.":
    "Noch ist nichts bewertet. Unter jeder Antwort sind zwei Daumen und ein Stift.",
  "One file to send to somebody: what is on the screen, without scripts.":
    "Eine Datei zum Verschicken: was auf dem Schirm steht, ohne Skripte.",
  "One row for each thumb: to train by KTO.": "Eine Zeile je Daumen: zum Lernen mit KTO.",
  "Out of its folder": "Aus dem Ordner heraus",
  "Ratings": "Bewertungen",
  "Reading {name}…": "{name} wird gelesen …",
  "Show earlier messages ({count})": "Frühere Nachrichten zeigen ({count})",
  "Text to read or to go on with elsewhere.": "Text zum Lesen oder um anderswo weiterzumachen.",
  "The model’s answer stays as it is; yours is kept beside it.":
    "Die Antwort des Modells bleibt, wie sie ist; deine steht daneben.",
  "The same, for other tools.": "Dasselbe, für andere Werkzeuge.",
  "The same, in the oldest form.": "Dasselbe, in der ältesten Form.",
  "Thumbs and better answers that you gave in chats are what a model can learn from.":
    "Aus Daumen und besseren Antworten, die du in Chats gegeben hast, kann ein Modell lernen.",
  "To teach a model with.": "Um ein Modell damit zu unterrichten.",
  "Training row, Alpaca": "Trainingszeile, Alpaca",
  "Training row, OpenAI": "Trainingszeile, OpenAI",
  "Training row, ShareGPT": "Trainingszeile, ShareGPT",
  "Unsafe": "Gefährlich",
  "Web page": "Webseite",
  "Well written": "Gut geschrieben",
  "What should it have said?": "Was hätte es sagen sollen?",
  "Why?": "Warum?",
  "Worth repeating": "Der Wiederholung wert",
  "Write a better answer": "Eine bessere Antwort schreiben",
  "Your answer against the model’s, and good against bad: to train by preference (DPO).":
    "Deine Antwort gegen die des Modells, gute gegen schlechte: zum Lernen aus Vorlieben (DPO).",
  "Your answers, and those you liked: to fine-tune on.":
    "Deine Antworten und die, die dir gefielen: zum Feintunen.",
  "Your better answer": "Deine bessere Antwort",
  "{number} ratings: make a dataset of them": "{number} Bewertungen: einen Datensatz daraus machen",
};
