import { send } from "./http";

/** The bytes of a picture that went with a question; its type is the one that the server found. */
export async function fetchPicture(
  conversation: string,
  message: string,
  place: number,
  signal: AbortSignal,
): Promise<Blob> {
  const of = `${encodeURIComponent(conversation)}/messages/${encodeURIComponent(message)}`;
  const response = await send("GET", `/conversations/${of}/pictures/${place}`, { signal });
  return response.blob();
}
