import { Upload } from "lucide-react";
import { useRef, useState } from "react";

import { type Imported, importFile } from "../../api/transfer";
import { errorText } from "../../ui/errorText";
import { formatNumber, t } from "../../ui/i18n";
import { Section } from "../../ui/PageFrame";
import { Problem } from "../../ui/Problem";

type State =
  | { step: "idle" }
  | { step: "busy"; name: string }
  | { step: "done"; told: Imported }
  | { step: "failed"; why: string };

/** Conversations out of a file, of ours or of others. */
export function ImportSection() {
  const [state, setState] = useState<State>({ step: "idle" });
  const input = useRef<HTMLInputElement>(null);
  const read = async (file: File) => {
    setState({ step: "busy", name: file.name });
    try {
      setState({ step: "done", told: await importFile(file) });
    } catch (error) {
      setState({ step: "failed", why: errorText(error) });
    }
  };
  return (
    <Section
      title={t("Import")}
      about={t("A JSON file that Mini-Claude, ChatGPT (conversations.json) or Open WebUI exported. All of it is taken, or nothing.")}
    >
      <div>
        <input
          ref={input}
          type="file"
          accept=".json,application/json"
          className="visually-hidden"
          aria-label={t("File to import")}
          tabIndex={-1}
          onChange={(event) => {
            const file = event.target.files?.[0];
            event.target.value = "";
            if (file) void read(file);
          }}
        />
        <button
          type="button"
          className="button"
          disabled={state.step === "busy"}
          onClick={() => input.current?.click()}
        >
          <Upload size={16} aria-hidden /> {t("Choose a file…")}
        </button>
      </div>
      <div role="status" aria-live="polite">
        {state.step === "busy" && <p>{t("Reading {name}…", { name: state.name })}</p>}
        {state.step === "done" && <Told told={state.told} />}
      </div>
      {state.step === "failed" && (
        <Problem className="refusal" text={state.why} />
      )}
    </Section>
  );
}

function Told({ told }: { told: Imported }) {
  return (
    <>
      <p>
        {t("From {source}: {conversations} conversations with {messages} messages.", {
          source: told.source,
          conversations: formatNumber(told.conversations),
          messages: formatNumber(told.messages),
        })}
      </p>
      {told.left_out.length > 0 && (
        <>
          <p>{t("Left out, for there is no place for it here:")}</p>
          <ul className="left-out">
            {told.left_out.map(({ what, count }) => (
              <li key={what}>
                {formatNumber(count)} × {what}
              </li>
            ))}
          </ul>
        </>
      )}
    </>
  );
}
