import type { ProviderChange, ProviderKind, Vision } from "../../api/providers";

/** What a form says, as the server wants it: a key that was not typed is not mentioned at all. */
export function change({
  kind,
  url,
  key,
  forget,
  vision,
}: {
  kind: ProviderKind;
  url: string;
  key: string;
  forget: boolean;
  vision: Vision;
}): ProviderChange {
  const told = { kind, base_url: url.trim() || null, vision };
  if (forget) return { ...told, api_key: null };
  return key.trim() ? { ...told, api_key: key.trim() } : told;
}
