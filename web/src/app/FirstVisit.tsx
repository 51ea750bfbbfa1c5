import { Eye, GraduationCap, MessageCircle, X } from "lucide-react";
import { useState } from "react";

import { t } from "../ui/i18n";
import { recall, remember } from "../ui/storage";
import { type Route, go, pathOf } from "./route";

const NAME = "welcomed";

/** Whoever comes for the first time: what this is, and three things to try. */
export function FirstVisit() {
  const [shown, setShown] = useState(() => !recall(NAME, false));
  if (!shown) return null;
  return (
    <section className="first-visit" aria-label={t("First visit")}>
      <div className="first-visit-head">
        <h2>{t("New here? This takes half a minute.")}</h2>
        <button
          type="button"
          className="icon-button"
          aria-label={t("Dismiss the welcome")}
          onClick={() => {
            remember(NAME, true);
            setShown(false);
          }}
        >
          <X size={16} aria-hidden />
        </button>
      </div>
      <p>
        {t(
          "Chats, data and training stay on this machine; no account, no cloud, no telemetry. Only a provider that you set up yourself is sent anything.",
        )}
      </p>
      <ol>
        <li>
          <MessageCircle size={17} aria-hidden />
          <span>
            <strong>{t("Ask.")}</strong>{" "}
            {t("Write below, or press one of the questions. An answer goes on when you close the tab.")}
          </span>
        </li>
        <li>
          <GraduationCap size={17} aria-hidden />
          <span>
            <strong>{t("Teach.")}</strong>{" "}
            {t("Make a dataset, train on it, and chat with what came out.")}{" "}
            <TeachLink />
          </span>
        </li>
        <li>
          <Eye size={17} aria-hidden />
          <span>
            <strong>{t("Look.")}</strong>{" "}
            {t("Below each answer: which model wrote it, how long and how fast. The answer settings also show how sure it was of each word.")}
          </span>
        </li>
      </ol>
      <p className="hint">{t("Everything works by keyboard: press ? for the list.")}</p>
    </section>
  );
}

function TeachLink() {
  const to: Route = { page: "data", id: null };
  return (
    <a
      href={pathOf(to)}
      onClick={(event) => {
        if (event.metaKey || event.ctrlKey || event.shiftKey) return;
        event.preventDefault();
        go(to);
      }}
    >
      {t("Start here")}
    </a>
  );
}
