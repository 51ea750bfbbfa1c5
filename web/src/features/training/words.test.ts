import { afterEach, expect, it } from "vitest";

import { useLanguage } from "../../ui/i18n";
import { formatRate } from "./words";

afterEach(() => useLanguage.setState({ language: "en" }));

it("writes rates as the page's language does", () => {
  expect([1e-4, 0.00025, 1, 0].map(formatRate)).toEqual(["1.0e−4", "2.5e−4", "1.0e+0", "0"]);
  useLanguage.setState({ language: "de" });
  expect(formatRate(1e-4)).toBe("1,0e−4");
});
