import { formatNumber, t } from "../../../ui/i18n";
import { roleWord } from "../words";

interface Said {
  role: string;
  text: string;
  cut?: boolean;
}

/** Who says what in a row. Whatever it says is shown as text. */
export function RowTurns({ turns, more }: { turns: Said[]; more: number }) {
  return (
    <div className="turns">
      {turns.map((turn, at) => (
        // oxlint-disable-next-line react/no-array-index-key -- turns have no other name and never move
        <p key={at} data-role={turn.role}>
          <b>{roleWord(turn.role)}</b> <span dir="auto">{turn.text}</span>
          {turn.cut && "…"}
        </p>
      ))}
      {more > 0 && <p className="hint">{t("and {n} more turns", { n: formatNumber(more) })}</p>}
    </div>
  );
}
