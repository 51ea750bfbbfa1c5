/** What can be said of an answer beyond a thumb. Fetched when it is first wanted. */

import { type KeyboardEvent, useId, useState } from "react";

import type { Rating, Thumb } from "../../../api/types";
import { t } from "../../../ui/i18n";
import type { Message } from "../message";
import { rate, ratingOf } from "./rate";
import type { RatingView } from "./RatingBar";

const REASONS: Record<Thumb, readonly (readonly [Rating["reason"], () => string])[]> = {
  up: [
    ["correct", () => t("Correct")],
    ["helpful", () => t("Helpful")],
    ["well_written", () => t("Well written")],
  ],
  down: [
    ["incorrect", () => t("Incorrect")],
    ["unhelpful", () => t("Not helpful")],
    ["not_followed", () => t("Not what I asked for")],
    ["badly_written", () => t("Badly written")],
    ["unsafe", () => t("Unsafe")],
  ],
};

/** The Escape key closes the panel, and does not stop an answer as well. */
const closing = (onClose: () => void) => (event: KeyboardEvent) => {
  if (event.key !== "Escape" || event.nativeEvent.isComposing) return;
  event.stopPropagation();
  onClose();
};

export default function RatingPanels({
  message,
  view,
  onClose,
}: {
  message: Message;
  view: RatingView;
  onClose: () => void;
}) {
  if (view === "correction") return <Correction message={message} onClose={onClose} />;
  const thumb = message.rating?.thumb;
  return thumb ? <Reasons message={message} thumb={thumb} onClose={onClose} /> : null;
}

function Reasons({
  message,
  thumb,
  onClose,
}: {
  message: Message;
  thumb: Thumb;
  onClose: () => void;
}) {
  const { reason, note } = ratingOf(message.rating);
  const [text, setText] = useState(note);
  const onKeyDown = closing(onClose);
  const id = useId();
  const save = async () => {
    if (text.trim() === note || (await rate(message.id, { note: text.trim() }))) onClose();
  };
  return (
    <form
      className="rating-panel"
      aria-label={t("Why?")}
      onSubmit={(event) => {
        event.preventDefault();
        void save();
      }}
    >
      <div className="rating-reasons" role="group" aria-label={t("Why?")}>
        {REASONS[thumb].map(([value, label]) => (
          <button
            key={value}
            type="button"
            className="chip"
            aria-pressed={reason === value}
            onKeyDown={onKeyDown}
            onClick={() => void rate(message.id, { reason: reason === value ? null : value })}
          >
            {label()}
          </button>
        ))}
      </div>
      <label className="visually-hidden" htmlFor={id}>
        {t("In your own words")}
      </label>
      <textarea
        id={id}
        rows={2}
        maxLength={10_000}
        placeholder={t("In your own words, if you like")}
        value={text}
        onChange={(event) => setText(event.target.value)}
        onKeyDown={onKeyDown}
      />
      <div className="rating-actions">
        <button type="submit" className="button button-primary" onKeyDown={onKeyDown}>
          {t("Done")}
        </button>
      </div>
    </form>
  );
}

function Correction({ message, onClose }: { message: Message; onClose: () => void }) {
  const { correction } = ratingOf(message.rating);
  const [text, setText] = useState(correction ?? message.content);
  const id = useId();
  const wanted = text.trim();
  const save = async () => {
    if (wanted !== "" && (await rate(message.id, { correction: wanted }))) onClose();
  };
  return (
    <form
      className="rating-panel"
      aria-label={t("A better answer")}
      onSubmit={(event) => {
        event.preventDefault();
        void save();
      }}
    >
      <label htmlFor={id}>{t("What should it have said?")}</label>
      <textarea
        id={id}
        rows={6}
        value={text}
        ref={(area) => {
          if (area && document.activeElement !== area) area.focus();
        }}
        onChange={(event) => setText(event.target.value)}
        onKeyDown={closing(onClose)}
      />
      <div className="rating-actions">
        <span className="hint">{t("The model’s answer stays as it is; yours is kept beside it.")}</span>
        {correction !== null && (
          <button
            type="button"
            className="button"
            onClick={() => void rate(message.id, { correction: null }).then((done) => done && onClose())}
          >
            {t("Remove")}
          </button>
        )}
        <button type="button" className="button" onClick={onClose}>
          {t("Cancel")}
        </button>
        <button
          type="submit"
          className="button button-primary"
          disabled={wanted === "" || wanted === message.content.trim()}
        >
          {t("Save")}
        </button>
      </div>
    </form>
  );
}
