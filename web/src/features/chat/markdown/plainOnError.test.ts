import { createElement } from "react";
import { expect, test } from "vitest";

import { PlainOnError } from "./PlainOnError";

const { getDerivedStateFromError: onError, getDerivedStateFromProps: onProps } = PlainOnError;
const props = (text: string) => ({ text, children: createElement("p") });

test("what failed stays plain while it grows, and another text is tried", () => {
  // React asks for the state again before it draws: were a failure forgotten then, the text would
  // fail a second time, and past this boundary.
  const failed = onProps(props(">>"), onError());
  expect(failed).toEqual({ failed: ">>" });
  expect(onProps(props(">>>>"), failed)).toEqual(failed);
  expect(onProps(props("Fine."), failed)).toEqual({ failed: null });
  expect(onProps(props("Fine."), { failed: null })).toEqual({ failed: null });
});
