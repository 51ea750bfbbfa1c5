/** Tabs of one browser tell each other which conversation has changed. */

const NAME = "mini-claude";

const channel = typeof BroadcastChannel === "undefined" ? null : new BroadcastChannel(NAME);

export function tellOtherTabs(conversationId: string): void {
  // oxlint-disable-next-line unicorn/require-post-message-target-origin -- a channel has none
  channel?.postMessage(conversationId);
}

/** Returns how to stop listening. */
export function listenToOtherTabs(onChange: (conversationId: string) => void): () => void {
  const listener = ({ data }: MessageEvent<unknown>) => {
    if (typeof data === "string") onChange(data);
  };
  channel?.addEventListener("message", listener);
  return () => channel?.removeEventListener("message", listener);
}
