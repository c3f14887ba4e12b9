import { basename, join, relative, sep } from 'node:path';
import { listDerivatives } from './derivatives.ts';
import { type ImageName, parseImageName } from './image-name.ts';
import { checkInside } from './layout.ts';
import { namesIn } from './names-in.ts';

/** A mask or segmentation of a subject in a derivative of the data set. */
export interface SourceMask {
  readonly file: string;
  /** Below the data set, with `/`. */
  readonly source: string;
  /** Folder of its derivative, below the data set. */
  readonly derivative: string;
  readonly name: ImageName;
}

/** What BIDS calls images whose values are labels. */
const LABELLED: ReadonlySet<string> = new Set(['mask', 'dseg']);

/** The masks of one subject in all derivatives that lie in the data set, sorted. @throws as `checkInside` */
export async function listMasks(root: string, participantId: string): Promise<SourceMask[]> {
  const found: SourceMask[] = [];
  for (const folder of await listDerivatives(root)) {
    const derivative = `derivatives/${basename(folder)}`;
    const subject = join(folder, participantId);
    const sessions = (await namesIn(subject)).filter((entry) => entry.startsWith('ses-'));
    for (const place of [subject, ...sessions.map((session) => join(subject, session))]) {
      const anat = join(place, 'anat');
      for (const entry of await namesIn(anat)) {
        const name = parseImageName(entry);
        if (!name || !LABELLED.has(name.suffix)) continue;
        const file = join(anat, entry);
        const source = relative(root, file).split(sep).join('/');
        found.push({ file, source, derivative, name });
      }
    }
  }
  await checkInside({ bidsRoot: root, participantId, images: found.map(({ file }) => file) });
  return found;
}

/** Entities of a mask that say nothing of the image it was drawn in. */
const OWN: ReadonlySet<string> = new Set(['desc', 'label', 'seg', 'atlas', 'scale', 'space', 'res', 'den']);

/**
 * Which of some examples a mask was drawn in, by their names: the first with an image of its session that has all entities of the mask; else -1.
 */
export function exampleOfMask(
  { entities: own }: ImageName,
  examples: readonly (readonly string[])[],
): number {
  const fits = (path: string) => {
    const entities = parseImageName(basename(path))?.entities;
    if (!entities || entities.get('ses') !== own.get('ses')) return false;
    return [...own].every(([entity, value]) => OWN.has(entity) || entities.get(entity) === value);
  };
  return examples.findIndex((example) => example.some(fits));
}

/** Whether a mask lies where its subject was scanned, and in no template. */
export function isInOwnSpace({ name }: SourceMask, suffixes: readonly string[]): boolean {
  const space = name.entities.get('space');
  return space === undefined || space === 'orig' || suffixes.includes(space);
}
