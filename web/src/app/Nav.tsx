import { MessageSquare } from "lucide-react";
import type { MouseEvent, ReactNode } from "react";

import { t } from "../ui/i18n";
import { BODIES } from "./pages";
import { PAGES, type Route, pathOf } from "./route";

/** The way to every page. */
export function Nav({ route, onGo }: { route: Route; onGo: (route: Route) => void }) {
  return (
    <nav className="nav" aria-label={t("Pages")}>
      <NavLink
        to={{ page: "chat", conversationId: null }}
        active={route.page === "chat"}
        onGo={onGo}
        icon={<MessageSquare size={16} aria-hidden />}
      >
        {t("Chat")}
      </NavLink>
      {PAGES.map((page) => {
        const { name, Icon } = BODIES[page];
        return (
          <NavLink
            key={page}
            to={{ page, id: null }}
            active={route.page === page}
            onGo={onGo}
            icon={<Icon size={16} aria-hidden />}
          >
            {name()}
          </NavLink>
        );
      })}
    </nav>
  );
}

function NavLink({
  to,
  active,
  onGo,
  icon,
  children,
}: {
  to: Route;
  active: boolean;
  onGo: (route: Route) => void;
  icon: ReactNode;
  children: ReactNode;
}) {
  const onClick = (event: MouseEvent) => {
    if (event.metaKey || event.ctrlKey || event.shiftKey) return;
    event.preventDefault();
    onGo(to);
  };
  return (
    <a
      href={pathOf(to)}
      className="nav-link"
      aria-current={active ? "page" : undefined}
      onClick={onClick}
    >
      {icon} {children}
    </a>
  );
}
