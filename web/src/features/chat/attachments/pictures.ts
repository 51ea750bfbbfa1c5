/** Pictures that go with a question: told by their bytes, as the server tells them. */

import type { NewTurn } from "../../../api/turns";
import { formatNumber, t } from "../../../ui/i18n";
import type { Message, MessagePicture } from "../message";

/** In base64 a third more, and there services measure. */
export const MAX_BYTES = 3_750_000;
/** Of one question: together they must fit into a request. */
export const MAX_TOGETHER = 7_000_000;
export const MAX_PICTURES = 8;

/** What goes with a question: as the page shows it, and as the server is told of it. */
export interface Extra {
  shown: readonly MessagePicture[];
  body: Pick<NewTurn, "pictures" | "pictures_of">;
}

export const NOTHING: Extra = { shown: [], body: {} };

/** The type of a picture that models take; null for any other file, whatever it is called. */
export async function pictureType(file: Blob): Promise<string | null> {
  const head = new Uint8Array(await file.slice(0, 12).arrayBuffer());
  const text = String.fromCharCode(...head);
  if (text.startsWith("\x89PNG\r\n\x1a\n")) return "image/png";
  if (text.startsWith("\xff\xd8\xff")) return "image/jpeg";
  if (text.startsWith("GIF87a") || text.startsWith("GIF89a")) return "image/gif";
  return text.startsWith("RIFF") && text.slice(8) === "WEBP" ? "image/webp" : null;
}

/** Why a picture cannot go with the others; null where it can. */
export function tooMuch(name: string, size: number, others: readonly Blob[]): string | null {
  if (size > MAX_BYTES) {
    return t("{name} is larger than {n} MB. Choose a smaller picture.", {
      name,
      n: formatNumber(MAX_BYTES / 1e6),
    });
  }
  const together = others.reduce((sum, other) => sum + other.size, size);
  if (others.length < MAX_PICTURES && together <= MAX_TOGETHER) return null;
  return t("{name} is too much: one question takes {n} pictures of {size} MB together.", {
    name,
    n: formatNumber(MAX_PICTURES),
    size: formatNumber(MAX_TOGETHER / 1e6),
  });
}

/** Why a model gets no pictures. seeing: the models that do. */
export function blindText(model: string, seeing: readonly string[]): string {
  if (seeing.length === 0) {
    return t(
      "{model} reads text only, and no model here sees pictures. Those of a service may: see Providers.",
      { model },
    );
  }
  const named = seeing.slice(0, 3).join(", ") + (seeing.length > 3 ? ", …" : "");
  return t("{model} reads text only. Choose a model that sees pictures: {models}", {
    model,
    models: named,
  });
}

/** Pictures that were just attached, for a new question. */
export async function newExtra(pictures: readonly MessagePicture[]): Promise<Extra> {
  if (pictures.length === 0) return NOTHING;
  const sent = await Promise.all(
    pictures.map(async ({ name, file }) => ({ name, url: file === null ? "" : await url(file) })),
  );
  return { shown: pictures, body: { pictures: sent } };
}

/** Those pictures of a question that are kept when it is asked in other words. load: the bytes of
 * the picture at a place, where this page has not sent it. */
export async function keptExtra(
  { serverId, pictures }: Message,
  kept: readonly MessagePicture[],
  load: (serverId: string, place: number) => Promise<Blob>,
): Promise<Extra> {
  if (serverId === null || kept.length === 0) return NOTHING;
  if (kept.length === pictures.length) {
    return { shown: pictures, body: { pictures_of: serverId } };
  }
  return newExtra(
    await Promise.all(
      kept.map(async ({ place, name, file }, next) => ({
        place: next,
        name,
        file: file ?? (await load(serverId, place)),
      })),
    ),
  );
}

function url(file: Blob): Promise<string> {
  return new Promise((resolve, reject) => {
    const reader = new FileReader();
    reader.addEventListener("load", () => resolve(reader.result as string));
    reader.addEventListener("error", () => reject(reader.error ?? new Error("unreadable")));
    reader.readAsDataURL(file);
  });
}
