/** Pictures that are left out of a question while it is edited, by the question. */

import { create } from "zustand";

import type { Message, MessagePicture } from "../message";

const NONE: readonly number[] = [];

/** Their places. */
const useLeftOut = create<{ byId: Record<string, readonly number[]> }>(() => ({ byId: {} }));

const without = (pictures: readonly MessagePicture[], places: readonly number[] = NONE) =>
  pictures.filter(({ place }) => !places.includes(place));

/** The pictures that go with the question when it is asked in other words. */
export const kept = (question: Message): readonly MessagePicture[] =>
  without(question.pictures, useLeftOut.getState().byId[question.id]);

export function useKept(question: Message | undefined): readonly MessagePicture[] {
  const places = useLeftOut(({ byId }) => byId[question?.id ?? ""]);
  return without(question?.pictures ?? [], places);
}

export function leaveOut(questionId: string, place: number): void {
  useLeftOut.setState(({ byId }) => ({
    byId: { ...byId, [questionId]: [...(byId[questionId] ?? NONE), place] },
  }));
}

/** Somebody begins to edit it: whatever was left out before is there again. */
export function keepAll(questionId: string): void {
  useLeftOut.setState(({ byId }) => ({ byId: { ...byId, [questionId]: NONE } }));
}
