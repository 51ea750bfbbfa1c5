import { useAuiState } from "@assistant-ui/react";

import type { Message } from "./message";

/** Our own record of the message being drawn. Undefined for assistant-ui's placeholders. */
export function useMessage(): Message | undefined {
  return useAuiState(
    (state) => (state.message.metadata.custom as { message?: Message }).message,
  );
}
