import { useCallback, useMemo } from "react";

import { Chat } from "../features/chat/Chat";
import type { Thread } from "../features/chat/thread";
import { currentModel, currentRival, useModels } from "../features/models/store";
import { t } from "../ui/i18n";
import { ConnectionNotice } from "./ConnectionNotice";
import { FirstVisit } from "./FirstVisit";
import { Header } from "./Header";

export function ChatPage({
  thread,
  onOpenDrawer,
  onNew,
}: {
  thread: Thread | undefined;
  onOpenDrawer: () => void;
  onNew: () => void;
}) {
  const model = useModels((state) => currentModel(state)?.id ?? null);
  const models = useModels((state) => state.models);
  const rival = useModels(currentRival);
  const continues = useCallback(
    (id: string) => models.find((one) => one.id === id)?.mini_claude.continues ?? false,
    [models],
  );
  const seeing = useMemo(
    () => models.filter((one) => one.mini_claude.sees).map(({ id }) => id),
    [models],
  );
  return (
    <>
      <Header
        settingsId={thread?.conversationId ?? thread?.key ?? ""}
        onOpenDrawer={onOpenDrawer}
        onNew={onNew}
      />
      <ConnectionNotice />
      {thread && (
        <Chat
          key={thread.key}
          thread={thread}
          model={model}
          rival={rival}
          continues={continues}
          seeing={seeing}
          welcome={<FirstVisit />}
          footer={
            <p className="caution">{t("Small models make things up. Check what matters.")}</p>
          }
        />
      )}
    </>
  );
}
