import { type ClipboardEvent, type DragEvent, useState } from "react";

import { attach } from "./store";

const hasFiles = (event: DragEvent) => event.dataTransfer.types.includes("Files");

/** Files that are dropped or pasted where one types. `over`: some hang above it now. */
export function useFiles(threadKey: string) {
  const [over, setOver] = useState(false);
  return {
    over,
    handlers: {
      onDragOver: (event: DragEvent) => {
        if (!hasFiles(event)) return;
        event.preventDefault();
        setOver(true);
      },
      onDragLeave: () => setOver(false),
      onDrop: (event: DragEvent) => {
        if (!hasFiles(event)) return;
        event.preventDefault();
        setOver(false);
        attach(threadKey, event.dataTransfer.files);
      },
      onPasteCapture: (event: ClipboardEvent) => {
        const { files } = event.clipboardData;
        // An office program puts a picture of the text beside the text: then the text is meant.
        if (files.length === 0 || event.clipboardData.getData("text/plain") !== "") return;
        event.preventDefault();
        event.stopPropagation();
        attach(threadKey, files);
      },
    },
  };
}
