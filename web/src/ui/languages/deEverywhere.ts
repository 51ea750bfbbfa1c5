/** Deutsch: what holds on every page: keys, commands, the first visit, the connection. */

export const everywhere: Readonly<Record<string, string>> = {
  "API key": "API-Schlüssel",
  "Ask.": "Fragen.",
  "Chats, data and training stay on this machine; no account, no cloud, no telemetry. Only a provider that you set up yourself is sent anything.":
    "Chats, Daten und Training bleiben auf dieser Maschine: kein Konto, keine Cloud, keine Telemetrie. Nur ein Anbieter, den du selbst einrichtest, bekommt etwas geschickt.",
  "Choose": "Auswählen",
  "Close what is open": "Schließen, was offen ist",
  "Command palette": "Befehle",
  "Command palette: go anywhere, do anything": "Befehle: überallhin, alles tun",
  "Commands": "Befehle",
  "Copied": "Kopiert",
  "Copy": "Kopieren",
  "Ctrl": "Strg",
  "Dismiss": "Ausblenden",
  "Dismiss the welcome": "Begrüßung ausblenden",
  "Enter": "Eingabe",
  "Everything works by keyboard: press ? for the list.":
    "Alles geht mit der Tastatur: ? zeigt die Liste.",
  "Everywhere": "Überall",
  "First visit": "Erster Besuch",
  "Go to": "Gehe zu",
  "If you stopped it, start it with": "Wenn du ihn beendet hast, starte ihn mit",
  "It is kept in this tab until you close it.":
    "Er bleibt in diesem Tab, bis du ihn schließt.",
  "Keyboard shortcuts": "Tastenkürzel",
  "Lists and menus": "Listen und Menüs",
  "Load it again": "Neu laden",
  "Look.": "Nachsehen.",
  "Make a dataset, train on it, and chat with what came out.":
    "Mach einen Datensatz, trainiere damit und sprich mit dem, was herauskommt.",
  "Mini-Claude's server does not answer. Nothing is lost: what you wrote is still here.":
    "Mini-Claudes Server antwortet nicht. Nichts ist verloren: Was du geschrieben hast, steht noch da.",
  "New here? This takes half a minute.": "Neu hier? Das dauert eine halbe Minute.",
  "New line": "Neue Zeile",
  "Nothing fits.": "Nichts passt dazu.",
  "Notices": "Hinweise",
  "Search conversations, pages, models, settings":
    "Gespräche, Seiten, Modelle, Einstellungen suchen",
  "Shift": "Umschalt",
  "Skip to the content": "Zum Inhalt springen",
  "Something in this page went wrong, so it cannot be shown. What the server keeps is not lost.":
    "Auf dieser Seite ging etwas schief, darum lässt sie sich nicht zeigen. Was der Server behält, ist nicht verloren.",
  "Start here": "Hier geht es los",
  "Teach.": "Lehren.",
  "That key was not accepted. Please try again.":
    "Dieser Schlüssel wurde nicht angenommen. Bitte noch einmal versuchen.",
  "The server does not answer. This page goes on by itself as soon as it is back.":
    "Der Server antwortet nicht. Sobald er wieder da ist, geht es hier von selbst weiter.",
  "Theme: as the system": "Farben: wie das System",
  "Theme: dark": "Farben: dunkel",
  "Theme: light": "Farben: hell",
  "This server asks for a key": "Dieser Server verlangt einen Schlüssel",
  "This sheet; also {keys} while writing": "Diese Übersicht; beim Schreiben {keys}",
  "To the next control; with {key} back": "Zum nächsten Element; mit {key} zurück",
  "To the one before, to the next": "Zum vorigen, zum nächsten",
  "Type the API key that Mini-Claude was started with.":
    "Gib den API-Schlüssel ein, mit dem Mini-Claude gestartet wurde.",
  "Below each answer: which model wrote it, how long and how fast. The answer settings also show how sure it was of each word.":
    "Unter jeder Antwort: welches Modell sie schrieb, wie lang und wie schnell. Die Einstellungen der Antworten zeigen auch, wie sicher es sich bei jedem Wort war.",
  "What do you want to do?": "Was möchtest du tun?",
  "Write below, or press one of the questions. An answer goes on when you close the tab.":
    "Schreib unten oder drücke eine der Fragen. Eine Antwort geht weiter, auch wenn du den Tab schließt.",
  "now": "jetzt",
  "{theme}. Change": "{theme}. Ändern",
};
