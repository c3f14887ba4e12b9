import type { Selection } from '../../runtime/base/selection/selection.ts';
import { counted } from '../../runtime/base/text/counted.ts';
import { firstOf } from '../../runtime/base/text/first-of.ts';
import { describeImages } from '../bids/choose-images.ts';
import { incompleteNames } from '../bids/layout.ts';
import type { Subjects } from '../select/read-subjects.ts';
import type { SubjectImages } from '../select/subject-images.ts';
import type { SplitRequest } from './plan.ts';

/** Why somebody cannot be dealt: no image that the selection takes, no label. */
export function reasonsAgainst(
  { selection, unlabelled }: Subjects,
  images: readonly SubjectImages[],
): ReadonlyMap<string, string> {
  const none = images.filter((one) => one.images.length === 0);
  const missing = none.map(({ participant }) => [participant, `no ${describeImages(selection)}`] as const);
  return new Map([...unlabelled, ...missing]);
}

/** What a manifest records of a selection: the rule, and what came of it. Undefined where none was asked for. */
export function recordSelection(
  { selection, selectedSha256, labels }: Subjects,
  images: readonly SubjectImages[],
): SplitRequest['selected'] {
  if (!labels || selectedSha256 === undefined) return undefined;
  return (leftOut) => {
    const out = new Set(leftOut.map(({ participant }) => participant));
    const dealt = images.filter(({ participant }) => !out.has(participant));
    const reasons = [...Map.groupBy(leftOut, ({ reason }) => reason)];
    return {
      selection,
      selected: {
        table_sha256: selectedSha256,
        labels: { table: labels.table, column: labels.column },
        values: Object.fromEntries(labels.values.map(({ value, label }) => [value, label])),
        images: dealt.reduce((sum, { images: own }) => sum + own.length, 0),
        left_out: Object.fromEntries(reasons.map(([reason, own]) => [reason, own.length])),
      },
    };
  };
}

/** What a reader should know of the images: participants with several, and what became of them. */
export function describeChoice({ selection }: Subjects, images: readonly SubjectImages[]): string[] {
  if (images.length === 0) return ['there is no folder of any subject, so that no image was looked for'];
  return [...describeSeveral(selection, images), ...describeIncomplete(images)];
}

function describeSeveral(selection: Selection, images: readonly SubjectImages[]): string[] {
  const several = images.filter(({ images: own, of }) => of > (selection.channels ? own.length : 1));
  const [first] = several;
  if (!first) return [];
  const who = counted(several.length, 'subject has', 'subjects have');
  const what = selection.channels
    ? 'more images than a set of channels takes'
    : `several ${describeImages(selection).replace(' image', ' images')}`;
  if (selection.one_per === undefined && !selection.channels)
    return [`${who} ${what}, which are all used: ${first.participant} has ${first.of}`];
  const chosen = several.map(({ images: own, of }) => `${own.join(' and ')} of ${of}`);
  const each = selection.one_per ?? 'session';
  const rule = `the first by the order of the filter, by session and by run is taken of each ${each}`;
  return [`${who} ${what}; ${rule}: ${firstOf(chosen)}`];
}

/** Sessions of subjects who have another one that is whole. */
function describeIncomplete(images: readonly SubjectImages[]): string[] {
  const left = incompleteNames(images);
  return left.length === 0
    ? []
    : [
        `${counted(left.length, 'session is', 'sessions are')} left out for want of a channel: ${firstOf(left)}`,
      ];
}
