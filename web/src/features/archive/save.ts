import { saveFile } from "../../api/transfer";
import { errorText } from "../../ui/errorText";
import { showToast } from "../../ui/toast";

/** Save a file, or say why not. */
export async function save(path: string): Promise<void> {
  try {
    await saveFile(path);
  } catch (error) {
    showToast({ tone: "error", text: errorText(error) });
  }
}
