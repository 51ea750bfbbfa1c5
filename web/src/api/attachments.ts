import { send } from "./http";

/** What of a file goes into a question. */
export interface Attachment {
  name: string;
  characters: number;
  /** Of a PDF; 0 for text. */
  pages: number;
  pages_read: number;
  /** There was more text than is taken. */
  truncated: boolean;
  /** The text between marks that name it. */
  block: string;
}

/** The text of a file, read by the server and not kept there. */
export async function readAttachment(file: File): Promise<Attachment> {
  const path = `/attachments?${new URLSearchParams({ name: file.name.slice(-255) || "file" })}`;
  const response = await send("POST", path, { bytes: file });
  return (await response.json()) as Attachment;
}
