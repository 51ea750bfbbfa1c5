import type { TurnSettings } from "../../../api/types";

/** A part of the settings: undefined takes a field out. */
export type Change = { [Name in keyof TurnSettings]?: TurnSettings[Name] | undefined };

export interface FieldsProps {
  settings: TurnSettings;
  onChange: (change: Change) => void;
}
