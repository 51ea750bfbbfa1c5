import { Plus, Trash2 } from "lucide-react";
import { useId, useState } from "react";

import { t } from "../../../ui/i18n";
import { roleWord } from "../words";
import { type EditTurn, type ReadAs, editableTurns, prettyRow, rowOf } from "./turns";

const ROLES = ["system", "user", "assistant"];

/** A row as turns, where they are all of it, or as JSON. */
export function RowEditor({
  text,
  readAs,
  onChange,
}: {
  text: string;
  readAs: ReadAs;
  onChange: (text: string) => void;
}) {
  const id = useId();
  const turns = editableTurns(text, readAs);
  const [asJson, setAsJson] = useState(turns === null);
  return (
    <>
      <div className="segments" role="group" aria-label={t("Edit as")}>
        <button
          type="button"
          aria-pressed={!asJson}
          disabled={turns === null}
          onClick={() => setAsJson(false)}
        >
          {t("Turns")}
        </button>
        <button
          type="button"
          aria-pressed={asJson}
          onClick={() => {
            onChange(prettyRow(text));
            setAsJson(true);
          }}
        >
          {t("JSON")}
        </button>
      </div>
      {asJson || turns === null ? (
        <div className="field wide-field">
          <label htmlFor={id}>{t("Row as JSON")}</label>
          <textarea
            id={id}
            className="code-field"
            rows={12}
            spellCheck={false}
            value={text}
            onChange={(event) => onChange(event.target.value)}
          />
        </div>
      ) : (
        <Turns turns={turns} onChange={(next) => onChange(JSON.stringify(rowOf(next)))} />
      )}
    </>
  );
}

function Turns({
  turns,
  onChange,
}: {
  turns: EditTurn[];
  onChange: (turns: EditTurn[]) => void;
}) {
  const put = (at: number, turn: EditTurn) => onChange(turns.with(at, turn));
  return (
    <ol className="edit-turns">
      {turns.map((turn, at) => (
        // oxlint-disable-next-line react/no-array-index-key -- a turn is its place in the row
        <li key={at}>
          <select
            aria-label={t("Speaker of turn {n}", { n: at + 1 })}
            value={turn.role}
            onChange={(event) => put(at, { ...turn, role: event.target.value })}
          >
            {(ROLES.includes(turn.role) ? ROLES : [turn.role, ...ROLES]).map((role) => (
              <option key={role} value={role}>
                {roleWord(role)}
              </option>
            ))}
          </select>
          <button
            type="button"
            className="icon-button"
            aria-label={t("Remove turn {n}", { n: at + 1 })}
            onClick={() => onChange(turns.toSpliced(at, 1))}
          >
            <Trash2 size={15} aria-hidden />
          </button>
          <textarea
            aria-label={t("Turn {n}", { n: at + 1 })}
            rows={Math.min(8, Math.max(2, turn.text.split("\n").length))}
            dir="auto"
            value={turn.text}
            onChange={(event) => put(at, { ...turn, text: event.target.value })}
          />
        </li>
      ))}
      <li>
        <button
          type="button"
          className="text-button"
          onClick={() => {
            const role = turns.at(-1)?.role === "user" ? "assistant" : "user";
            onChange([...turns, { role, text: "" }]);
          }}
        >
          <Plus size={15} aria-hidden /> {t("Add a turn")}
        </button>
      </li>
    </ol>
  );
}
