import { useEffect, useRef, useState } from "react";

import { type Forecast, type NewJob, foresee } from "../../../api/training";
import { errorText } from "../../../ui/errorText";

export type Foretelling =
  | { state: "none" }
  | { state: "working" }
  | { state: "done"; forecast: Forecast }
  | { state: "failed"; message: string };

const NOTHING: Foretelling = { state: "none" };

/** A prediction for the request as it stands; another request makes it void. */
export function useForecast(body: NewJob) {
  const key = JSON.stringify(body);
  const [{ told, about }, setTold] = useState<{ told: Foretelling; about: string }>({
    told: NOTHING,
    about: "",
  });
  const controller = useRef<AbortController | null>(null);
  useEffect(() => () => controller.current?.abort(), []);

  const stop = () => {
    controller.current?.abort();
    setTold({ told: NOTHING, about: "" });
  };
  const ask = async () => {
    controller.current?.abort();
    const mine = new AbortController();
    controller.current = mine;
    const tell = (told: Foretelling) => {
      if (!mine.signal.aborted) setTold({ told, about: key });
    };
    tell({ state: "working" });
    try {
      tell({ state: "done", forecast: await foresee(body, mine.signal) });
    } catch (error) {
      tell({ state: "failed", message: errorText(error) });
    }
  };
  return { foretelling: about === key ? told : NOTHING, ask, stop };
}
