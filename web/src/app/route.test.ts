import { expect, it } from "vitest";

import { PAGES, type Route, pathOf, routeOf } from "./route";

it("reads what it writes", () => {
  const routes: Route[] = [
    { page: "chat", conversationId: null },
    { page: "chat", conversationId: "0192ab" },
    ...PAGES.flatMap((page): Route[] => [
      { page, id: null },
      { page, id: "ft:base:org:name:1" },
    ]),
  ];
  for (const route of routes) expect(routeOf(pathOf(route))).toEqual(route);
});

it("takes nothing but ids and known pages out of the address", () => {
  for (const path of ["/app/c/", "/app/c/a/b", "/app/c/..%2f", "/app", "/c/a", "/app/unknown"]) {
    expect(routeOf(path), path).toEqual({ page: "chat", conversationId: null });
  }
});
