/** What the messages of a chat need to know of it; assistant-ui draws them without arguments. */

import { createContext, useContext } from "react";

import type { TurnSettings } from "../../api/types";

export interface ChatContext {
  threadKey: string;
  settings: TurnSettings;
  /** Whether the model goes on with an answer that was cut off. */
  continues: (model: string) => boolean;
  conversationId: string | null;
  model: string | null;
  /** Of the models that would answer, one that takes no pictures. */
  blind: string | null;
  /** Models that take pictures. */
  seeing: readonly string[];
  pair: readonly [string, string] | null;
}

export const ChatContextProvider = createContext<ChatContext | null>(null);

export function useChatContext(): ChatContext {
  const context = useContext(ChatContextProvider);
  if (context === null) throw new Error("a message outside of a chat");
  return context;
}
