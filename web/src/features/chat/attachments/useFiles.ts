import { type ClipboardEvent, type DragEvent, useEffect, useState } from "react";

import { attach } from "./store";

const hasFiles = ({ dataTransfer }: Pick<DragEvent, "dataTransfer">) =>
  dataTransfer.types.includes("Files");

/** Files that are dropped on the chat, wherever on it. `over`: some hang above it now. */
export function useDroppedFiles(threadKey: string) {
  const [over, setOver] = useState(false);
  useEffect(() => {
    addEventListener("dragover", refuse);
    addEventListener("drop", refuse);
    return () => {
      removeEventListener("dragover", refuse);
      removeEventListener("drop", refuse);
    };
  }, []);
  return {
    over,
    handlers: {
      onDragOver: (event: DragEvent) => {
        if (!hasFiles(event)) return;
        event.preventDefault();
        setOver(true);
      },
      onDragLeave: ({ currentTarget, relatedTarget }: DragEvent) => {
        // From one part of the chat to another is not away from it.
        if (!currentTarget.contains(relatedTarget as Node | null)) setOver(false);
      },
      onDrop: (event: DragEvent) => {
        if (!hasFiles(event)) return;
        event.preventDefault();
        setOver(false);
        attach(threadKey, event.dataTransfer.files);
      },
    },
  };
}

/** Beside the chat nobody takes a file: the browser would leave the page to show it. */
function refuse(event: globalThis.DragEvent): void {
  const { dataTransfer, defaultPrevented } = event;
  if (dataTransfer === null || defaultPrevented || !hasFiles({ dataTransfer })) return;
  event.preventDefault();
  dataTransfer.dropEffect = "none";
}

/** Files that are pasted where one types. */
export const takePasted = (threadKey: string) => (event: ClipboardEvent) => {
  const { files } = event.clipboardData;
  // An office program puts a picture of the text beside the text: then the text is meant.
  if (files.length === 0 || event.clipboardData.getData("text/plain") !== "") return;
  event.preventDefault();
  event.stopPropagation();
  attach(threadKey, files);
};
