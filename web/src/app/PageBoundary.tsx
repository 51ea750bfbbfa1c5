import { Component, type ReactNode } from "react";

import { t } from "../ui/i18n";

interface Props {
  /** What is shown; when it changes, what broke before is tried again. */
  place: unknown;
  children: ReactNode;
}

/** Keeps a page that breaks from taking the others with it: without this, React shows nothing. */
export class PageBoundary extends Component<Props, { broken: boolean }> {
  override state = { broken: false };

  static getDerivedStateFromError(): { broken: boolean } {
    return { broken: true };
  }

  override componentDidUpdate({ place }: Props): void {
    // oxlint-disable-next-line react/no-did-update-set-state -- once, for another place
    if (this.state.broken && place !== this.props.place) this.setState({ broken: false });
  }

  override render(): ReactNode {
    if (!this.state.broken) return this.props.children;
    return (
      <div className="notice" role="alert">
        <p>{t("Something in this page went wrong, so it cannot be shown. What the server keeps is not lost.")}</p>
        <button type="button" className="button" onClick={() => location.reload()}>
          {t("Load it again")}
        </button>
      </div>
    );
  }
}
