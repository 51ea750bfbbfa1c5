import type { ReactNode } from "react";

/** A page beside the chat: its name, what it is for, what can be done, and the rest. */
export function PageFrame({
  title,
  about,
  actions,
  children,
}: {
  title: string;
  about?: string;
  actions?: ReactNode;
  children: ReactNode;
}) {
  return (
    <div className="page-scroll" tabIndex={-1}>
      <div className="page">
        <div className="page-head">
          <div>
            <h1>{title}</h1>
            {about !== undefined && <p className="page-about">{about}</p>}
          </div>
          {actions !== undefined && <div className="page-actions">{actions}</div>}
        </div>
        {children}
      </div>
    </div>
  );
}

/** A part of a page, with a name of its own. */
export function Section({
  title,
  about,
  children,
}: {
  title: string;
  about?: string;
  children: ReactNode;
}) {
  return (
    <section className="card" aria-label={title}>
      <h2>{title}</h2>
      {about !== undefined && <p className="hint">{about}</p>}
      {children}
    </section>
  );
}
