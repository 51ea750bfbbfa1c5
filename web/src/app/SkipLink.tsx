import { type RefObject, useEffect, useRef } from "react";

import { t } from "../ui/i18n";
import type { Route } from "./route";

/** The first stop of the Tab key: past the sidebar. */
export function SkipLink({ mainRef }: { mainRef: RefObject<HTMLElement | null> }) {
  return (
    <a
      href="#main"
      className="skip-link"
      onClick={(event) => {
        event.preventDefault();
        mainRef.current?.focus();
      }}
    >
      {t("Skip to the content")}
    </a>
  );
}

/** Whoever opened another page goes on reading there. The chat gives the focus to its composer. */
export function usePageFocus(route: Route, mainRef: RefObject<HTMLElement | null>) {
  const last = useRef(route.page);
  useEffect(() => {
    if (last.current === route.page) return;
    last.current = route.page;
    if (route.page !== "chat") mainRef.current?.focus();
  }, [route.page, mainRef]);
}
