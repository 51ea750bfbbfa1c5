import { create } from "zustand";

import { type Provider, listProviders } from "../../api/providers";
import { errorText } from "../../ui/errorText";

interface State {
  providers: Provider[] | null;
  problem: string | null;
}

export const useProviders = create<State>(() => ({ providers: null, problem: null }));

export async function loadProviders(): Promise<void> {
  try {
    useProviders.setState({ providers: await listProviders(), problem: null });
  } catch (error) {
    useProviders.setState({ problem: errorText(error) });
  }
}
