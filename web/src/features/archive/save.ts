import { saveFile } from "../../api/transfer";
import { showError } from "../../ui/toast";

/** Save a file, or say why not. */
export async function save(path: string): Promise<void> {
  try {
    await saveFile(path);
  } catch (error) {
    showError(error);
  }
}
