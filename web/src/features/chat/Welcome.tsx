import { useAui } from "@assistant-ui/react";
import { ShieldCheck } from "lucide-react";
import type { ReactNode } from "react";

import { t } from "../../ui/i18n";

/** The questions are in English in every language of the page: it is what the model speaks. */
const EXAMPLES = [
  { prompt: "Who are you?", about: () => t("An introduction") },
  { prompt: "Tell me a short story about a fox.", about: () => t("A story") },
  { prompt: "Give me three ideas for the weekend.", about: () => t("Some ideas") },
  { prompt: "Tell me a joke.", about: () => t("Something light") },
];

/** What a person meets before the first word. */
export function Welcome({ children }: { children?: ReactNode }) {
  const aui = useAui();
  return (
    <div className="welcome">
      <h1>{t("Hello. What is on your mind?")}</h1>
      <p className="welcome-lead">
        {t(
          "Mini-Claude is an assistant of your own: the model that answers here is small, runs on this machine and can be taught, measured and looked into.",
        )}
      </p>
      {children}
      <ul className="examples" aria-label={t("Example questions")}>
        {EXAMPLES.map(({ prompt, about }) => (
          <li key={prompt}>
            <button type="button" className="example" onClick={() => aui.thread.append(prompt)}>
              <span className="example-about">{about()}</span>
              <span lang="en">{prompt}</span>
            </button>
          </li>
        ))}
      </ul>
      <p className="privacy">
        <ShieldCheck size={16} aria-hidden />
        {t("With a local model, everything you write stays on this machine.")}
      </p>
    </div>
  );
}
