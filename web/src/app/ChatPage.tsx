import { Chat } from "../features/chat/Chat";
import type { Thread } from "../features/chat/thread";
import { currentModel, useModels } from "../features/models/store";
import { t } from "../ui/i18n";
import { ConnectionNotice } from "./ConnectionNotice";
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
          footer={
            <p className="caution">{t("Small models make things up. Check what matters.")}</p>
          }
        />
      )}
    </>
  );
}
