import type { Places } from "../../api/types";
import { pieces } from "./list";

/** A text with what was found in it marked. */
export function Marked({ text, places }: { text: string; places: Places }) {
  return pieces(text, places).map(({ text: part, found }, place) =>
    // The pieces have no names, and never change their order.
    // oxlint-disable-next-line react/no-array-index-key
    found ? <mark key={place}>{part}</mark> : <span key={place}>{part}</span>,
  );
}
