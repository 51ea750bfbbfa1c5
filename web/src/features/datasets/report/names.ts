/** What the pipeline's categories are called on the page. One that it does not know, such as a kind
 * that the rows name themselves, is called as the report has it. */

import { t } from "../../../ui/i18n";

/** Kinds of conversation (`data/kinds.py`). */
const kinds = (): Record<string, string> => ({
  greeting: t("greeting"),
  identity: t("identity"),
  question: t("question"),
  explaining: t("explaining"),
  rewriting: t("rewriting"),
  list: t("list"),
  arithmetic: t("arithmetic"),
  story: t("story"),
  advice: t("advice"),
  comfort: t("comfort"),
  refusal: t("refusal"),
  "not-knowing": t("not knowing"),
  passage: t("passage"),
  format: t("format"),
  tools: t("tools"),
  code: t("code"),
  other: t("other"),
});

/** Why answers are unsafe (`data/safety_rules.py`). */
const harms = (): Record<string, string> => ({
  weapons: t("weapons"),
  violence: t("violence"),
  "self-harm": t("self-harm"),
  drugs: t("drugs"),
  hacking: t("hacking"),
  fraud: t("fraud"),
  stalking: t("stalking"),
  "sexual content with minors": t("sexual content with minors"),
  hatred: t("hatred"),
  cruelty: t("cruelty"),
  profanity: t("profanity"),
});

/** Personal data that is masked (`data/personal_patterns.py`). */
const personal = (): Record<string, string> => ({
  email: t("email addresses"),
  phone: t("telephone numbers"),
  card: t("card numbers"),
  iban: t("bank accounts"),
  id: t("identity numbers"),
  ip: t("IP addresses"),
  key: t("keys and secrets"),
});

const named = (names: Record<string, string>, name: string) =>
  Object.hasOwn(names, name) ? (names[name] ?? name) : name;

export const kindWord = (kind: string) => named(kinds(), kind);
export const harmWord = (harm: string) => named(harms(), harm);
export const personalWord = (kind: string) => named(personal(), kind);
