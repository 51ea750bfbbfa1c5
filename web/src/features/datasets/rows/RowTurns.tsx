import { formatNumber, t } from "../../../ui/i18n";
import { roleWord } from "../words";
import { differing } from "./differing";

interface Said {
  role: string;
  text: string;
  cut?: boolean;
}

/** Who says what in a row. Whatever it says is shown as text. against: another state of the row;
 * what differs from it is marked. */
export function RowTurns({
  turns,
  more,
  against,
}: {
  turns: Said[];
  more: number;
  against?: Said[];
}) {
  return (
    <div className="turns">
      {turns.map((turn, at) => (
        // oxlint-disable-next-line react/no-array-index-key -- turns have no other name and never move
        <p key={at} data-role={turn.role}>
          <b>{roleWord(turn.role)}</b> <span dir="auto">
            <Marked text={turn.text} other={against?.[at]?.text ?? turn.text} />
          </span>
          {turn.cut && "…"}
        </p>
      ))}
      {more > 0 && <p className="hint">{t("and {n} more turns", { n: formatNumber(more) })}</p>}
    </div>
  );
}

function Marked({ text, other }: { text: string; other: string }) {
  const [start, end] = differing(text, other);
  return (
    <>
      {text.slice(0, start)}
      {end > start && <mark className="differs">{text.slice(start, end)}</mark>}
      {text.slice(end)}
    </>
  );
}
