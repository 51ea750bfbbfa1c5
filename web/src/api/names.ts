/** What models are called. */

/** `ft:base:org:suffix:id` → `suffix`, or the id where there is none: what a person recognises. */
export function shortName(id: string): string {
  const parts = id.split(":");
  if (parts[0] !== "ft" || parts.length < 5) return id;
  return parts.at(-2) || (parts.at(-1) ?? id);
}
