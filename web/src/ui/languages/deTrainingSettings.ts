/** Deutsch: was die Einstellungen eines Trainings bedeuten. */

export const trainingSettingWords: Readonly<Record<string, string>> = {
  "30 steps, to see that data and model fit together. Minutes at most on a small model.":
    "30 Schritte, um zu sehen, ob Daten und Modell zusammenpassen. Bei einem kleinen Modell höchstens Minuten.",
  "All weights": "Alle Gewichte",
  "Automatic": "Automatisch",
  "Balanced": "Ausgewogen",
  "Bits of each weight of the frozen base while it trains.":
    "Bits jedes Gewichts des eingefrorenen Ausgangsmodells beim Training.",
  "Changes the whole model: most freedom, most memory, easiest to spoil.":
    "Ändert das ganze Modell: am meisten Freiheit, am meisten Speicher, am leichtesten zu verderben.",
  "Computes twice rather than keeps: less memory, a third slower.":
    "Rechnet zweimal, statt zu behalten: weniger Speicher, ein Drittel langsamer.",
  "Conversations or text, answered as they should be.":
    "Gespräche oder Text, so beantwortet, wie es sein soll.",
  "Each row has a better and a worse answer; it learns to prefer the better one.":
    "Jede Zeile hat eine bessere und eine schlechtere Antwort; es lernt, die bessere vorzuziehen.",
  "Each row has one answer and whether it is good, such as thumbs up and down.":
    "Jede Zeile hat eine Antwort und ob sie gut ist, etwa Daumen hoch und runter.",
  "Everything chosen for your data and this machine; stops when it no longer helps.":
    "Alles passend zu deinen Daten und diesem Rechner gewählt; hört auf, wenn es nichts mehr nützt.",
  "Examples to follow": "Beispiele zum Nachmachen",
  "How far each step goes. Too high and it falls apart, too low and it barely learns.":
    "Wie weit jeder Schritt geht. Zu hoch, und es zerfällt; zu niedrig, und es lernt kaum.",
  "How far it may move from the base's own taste; more holds it closer.":
    "Wie weit es sich vom Geschmack des Ausgangsmodells entfernen darf; mehr hält es näher.",
  "How often every row is read. More is learnt, until it is learnt by heart.":
    "Wie oft jede Zeile gelesen wird. Es wird mehr gelernt, bis es auswendig gelernt ist.",
  "How strongly the adapter speaks; twice the rank is usual.":
    "Wie stark der Adapter mitredet; üblich ist das Doppelte des Rangs.",
  "How the learning rate falls afterwards.": "Wie die Lernrate danach sinkt.",
  "Keeps an average over the last steps as the result, 0 for none.":
    "Behält als Ergebnis einen Mittelwert der letzten Schritte, 0 für keinen.",
  "Learns direction and length apart: often a little better, slower.":
    "Lernt Richtung und Länge getrennt: oft etwas besser, langsamer.",
  "LoRA where it fits into memory, QLoRA where only that does.":
    "LoRA, wo es in den Speicher passt, QLoRA, wo nur das passt.",
  "Looks at the held-out rows without a better one after which it stops, 0 for never.":
    "Nach so vielen Blicken auf Zurückgehaltenes ohne Verbesserung hört es auf, 0 für nie.",
  "Number format of the products: shorter is faster where the chip has it.":
    "Zahlenformat der Produkte: kürzer ist schneller, wo der Chip es kann.",
  "Part of the adapter left out at random while it learns, against learning by heart.":
    "Teil des Adapters, der beim Lernen zufällig wegbleibt, gegen Auswendiglernen.",
  "Part of the steps over which the learning rate rises, 0 to 1.":
    "Teil der Schritte, über den die Lernrate steigt, 0 bis 1.",
  "Parts that one step is computed in: a large step in little memory.":
    "Teile, in denen ein Schritt gerechnet wird: ein großer Schritt in wenig Speicher.",
  "Pulls weights towards zero; rarely needed here.":
    "Zieht Gewichte gegen null; hier selten nötig.",
  "Quick try": "Kurzer Versuch",
  "Rank: how much an adapter can hold. More needs more rows.":
    "Rang: wie viel ein Adapter fasst. Mehr braucht mehr Zeilen.",
  "Reads the data up to eight times. Takes longest; with few held-out rows it may learn by heart.":
    "Liest die Daten bis zu achtmal. Dauert am längsten; mit wenig Zurückgehaltenem lernt es vielleicht auswendig.",
  "Rows in one step. More make steps steadier, and fewer.":
    "Zeilen in einem Schritt. Mehr machen Schritte ruhiger, und weniger.",
  "Scales by the root of the rank, so that high ranks learn as fast.":
    "Skaliert mit der Wurzel des Rangs, damit hohe Ränge ebenso schnell lernen.",
  "Small adapters beside frozen weights: fast, little memory, can be taken off again.":
    "Kleine Adapter neben eingefrorenen Gewichten: schnell, wenig Speicher, wieder abnehmbar.",
  "So many steps in place of whole readings.": "So viele Schritte statt ganzer Lesungen.",
  "Steps between two checkpoints. The first and the last have sample answers, those between as time allows.":
    "Schritte zwischen zwei Zwischenständen. Der erste und der letzte haben Beispielantworten, die dazwischen, soweit die Zeit reicht.",
  "Steps between two looks at the held-out rows.":
    "Schritte zwischen zwei Blicken auf Zurückgehaltenes.",
  "The longest step a single batch may ask for.":
    "Der längste Schritt, den ein einzelner Stapel verlangen darf.",
  "The same number gives the same run again.": "Dieselbe Zahl ergibt denselben Lauf noch einmal.",
  "The same on a base held in 8 or 4 bits: for models that would not fit otherwise.":
    "Dasselbe auf einem Ausgangsmodell in 8 oder 4 Bit: für Modelle, die sonst nicht passen.",
  "Thorough": "Gründlich",
  "Tokens computed at once. Less needs less memory.":
    "Tokens, die auf einmal gerechnet werden. Weniger braucht weniger Speicher.",
  "Tokens of one row; longer ones are cut.": "Tokens einer Zeile; längere werden gekürzt.",
  "What the automatic learning rate is multiplied by; counts only without learning_rate.":
    "Womit die automatische Lernrate malgenommen wird; gilt nur ohne learning_rate.",
  "Which layers get adapters, by name, with commas between.":
    "Welche Schichten Adapter bekommen, beim Namen, mit Kommas dazwischen.",
};
