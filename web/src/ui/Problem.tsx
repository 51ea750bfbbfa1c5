import { errorLanguage } from "./errorText";

/** What went wrong, as `errorText` says it. */
export function Problem({ text, className }: { text: string; className: string }) {
  return (
    <p className={className} role="alert" lang={errorLanguage(text)}>
      {text}
    </p>
  );
}
