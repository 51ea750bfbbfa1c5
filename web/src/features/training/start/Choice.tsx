/** One of a few, each with what it means. */
export function Choice<T extends string>({
  legend,
  name,
  options,
  value,
  onChange,
}: {
  legend: string;
  name: string;
  options: { value: T; name: string; about: string }[];
  value: T;
  onChange: (value: T) => void;
}) {
  return (
    <fieldset className="option-cards">
      <legend>{legend}</legend>
      {options.map((option) => (
        <label key={option.value} className="option" data-chosen={option.value === value}>
          <input
            type="radio"
            name={name}
            value={option.value}
            checked={option.value === value}
            aria-label={option.name}
            aria-describedby={`${name}-${option.value}`}
            onChange={() => onChange(option.value)}
          />
          <span className="option-name">{option.name}</span>
          <span className="option-about" id={`${name}-${option.value}`}>
            {option.about}
          </span>
        </label>
      ))}
    </fieldset>
  );
}
