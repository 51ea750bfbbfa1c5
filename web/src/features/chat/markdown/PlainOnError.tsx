import { Component, type ReactNode } from "react";

interface Props {
  text: string;
  children: ReactNode;
}

interface State {
  /** The text that could not be drawn; "" where that has just come out, null while all is well. */
  failed: string | null;
}

/**
 * Shows a text as it is where it cannot be drawn as Markdown, instead of taking the page down with
 * it: readers of Markdown call themselves for every level of a quotation or list, and a model that
 * repeats `>` thousands of times uses up the browser's stack.
 */
export class PlainOnError extends Component<Props, State> {
  override state: State = { failed: null };

  static getDerivedStateFromError(): State {
    return { failed: "" };
  }

  /** Growing does not help a text, so it is not tried again for every word; another text is. */
  static getDerivedStateFromProps({ text }: Props, { failed }: State): State {
    if (failed === "") return { failed: text };
    return { failed: failed !== null && text.startsWith(failed) ? failed : null };
  }

  override render(): ReactNode {
    if (this.state.failed === null) return this.props.children;
    return <pre className="markdown-plain">{this.props.text}</pre>;
  }
}
