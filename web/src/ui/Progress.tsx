/** How far something has come. `value` is from 0 to 1; null while nobody knows. */
export function Progress({
  label,
  value,
  note,
}: {
  label: string;
  value: number | null;
  note?: string;
}) {
  return (
    <div className="progress">
      <div className="progress-text">
        <span>{label}</span>
        {note !== undefined && <span className="hint">{note}</span>}
      </div>
      <progress aria-label={label} max={1} {...(value === null ? {} : { value })} />
    </div>
  );
}
