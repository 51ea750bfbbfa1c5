/** A conversation is a tree of messages; what is on the screen is one path from root to leaf. */

import type { Message } from "./message";

type Node = Pick<Message, "id" | "parentId">;

/** Parents before children, whatever the order they came in. Orphans become roots. */
export function parentsFirst<T extends Node>(messages: readonly T[]): T[] {
  const known = new Set(messages.map(({ id }) => id));
  const children = new Map<string | null, T[]>();
  for (const message of messages) {
    const orphan = message.parentId === null || !known.has(message.parentId);
    const parentId = orphan ? null : message.parentId;
    const siblings = children.get(parentId) ?? [];
    siblings.push(parentId === message.parentId ? message : { ...message, parentId });
    children.set(parentId, siblings);
  }
  const ordered: T[] = [];
  let layer = children.get(null) ?? [];
  while (layer.length > 0) {
    ordered.push(...layer);
    layer = layer.flatMap(({ id }) => children.get(id) ?? []);
  }
  return ordered;
}

/** The path from the root down to `headId`, both included. */
export function branchTo<T extends Node>(messages: readonly T[], headId: string | null): T[] {
  const byId = new Map(messages.map((message) => [message.id, message]));
  const branch: T[] = [];
  for (let id = headId; id !== null; ) {
    const message = byId.get(id);
    if (message === undefined || branch.length > messages.length) break;
    branch.push(message);
    id = message.parentId;
  }
  return branch.toReversed();
}

/** From `id` down, always taking the newest child. */
export function newestLeaf(messages: readonly Node[], id: string | null): string | null {
  const newest = new Map<string | null, string>();
  for (const message of messages) newest.set(message.parentId, message.id);
  let leaf = id;
  for (let steps = 0; steps <= messages.length; steps += 1) {
    const child = newest.get(leaf);
    if (child === undefined) return leaf;
    leaf = child;
  }
  return leaf;
}
