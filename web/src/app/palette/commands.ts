/** What the command palette offers, and what of it fits the words typed. */

export interface Command {
  /** Unique; part of the option's id on the page. */
  key: string;
  group: string;
  label: string;
  /** Shown behind the label: the keys that do the same, or that it is so already. */
  note?: string | undefined;
  run: () => void;
}

/** Lower case, without accents: `Über` is found by `uber`. */
function plain(text: string): string {
  return text.normalize("NFD").replaceAll(/\p{M}/gu, "").toLowerCase();
}

/** Those that have every word typed somewhere in their group or label. */
export function fitting(commands: readonly Command[], typed: string): Command[] {
  const words = plain(typed).split(/\s+/).filter(Boolean);
  return commands.filter(({ group, label }) => {
    const text = plain(`${group} ${label}`);
    return words.every((word) => text.includes(word));
  });
}

/** Neighbours of one group together, in the order given. */
export function grouped(commands: readonly Command[]): { group: string; commands: Command[] }[] {
  const groups = new Map<string, Command[]>();
  for (const command of commands) {
    groups.set(command.group, [...(groups.get(command.group) ?? []), command]);
  }
  return [...groups].map(([group, members]) => ({ group, commands: members }));
}
