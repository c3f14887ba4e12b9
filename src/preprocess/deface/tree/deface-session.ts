import { basename, dirname, join } from 'node:path';
import { z } from 'zod';
import { prettyJson } from '../../../runtime/base/digest.ts';
import { flError, toNeuroflareError } from '../../../runtime/base/errors/errors.ts';
import { packageVersion } from '../../../runtime/base/files/package-version.ts';
import { readInput } from '../../../runtime/base/files/read-file.ts';
import { DATA_LIMITS } from '../../../runtime/base/limits.ts';
import type { OperationThread } from '../../../runtime/base/threads/operation-thread.ts';
import { listMasks } from '../../bids/derivative-masks.ts';
import { FACE_OUTCOMES, NO_FACE } from '../../bids/examination-face.ts';
import { checkInside } from '../../bids/layout.ts';
import type { PartialTree, WrittenFile } from '../../bids/partial-tree.ts';
import { readContent } from '../../bids/read-inside.ts';
import { withoutPaths } from '../../bids/without-paths.ts';
import type { defaceOperations } from '../deface-entry.ts';
import type { NoFace } from '../deface-nifti.ts';
import { faceMethod } from '../face-record.ts';
import type { DefaceAnswer, DefaceTask, KnownFace } from './deface-image.ts';
import { fits, type ImageSidecars, suffixOf } from './image-sidecars.ts';
import type { TreeSession } from './list-tree.ts';

export type DefaceThread = OperationThread<typeof defaceOperations>;

/** What became of one image; also a part of the journal. */
export const defacedImageSchema = z.strictObject({
  file: z.string(),
  outcome: z.enum(['removed', 'none', 'kept', 'slice', 'stripped']),
  removedMl: z.number().optional(),
  brainMl: z.number().optional(),
});
export type TreeImage = z.infer<typeof defacedImageSchema>;

/** What cannot be used. */
export interface BadFile {
  readonly file: string;
  readonly code: string;
  readonly message: string;
}

export interface SessionWork {
  readonly root: string;
  readonly partial: PartialTree<SessionFacts>;
  readonly sidecars: ImageSidecars;
  /** Suffixes of images whose faces are kept. */
  readonly keep: ReadonlySet<string>;
  readonly signal: AbortSignal;
  /** Told once for every image. */
  readonly tell: () => void;
}

/** A mask of a derivative that came along. */
const carriedMaskSchema = z.strictObject({ file: z.string(), removedMl: z.number() });

export const sessionFactsSchema = z.strictObject({
  images: z.array(defacedImageSchema),
  masks: z.array(carriedMaskSchema),
  /** Masks on no grid of an image. */
  masksLeft: z.array(z.string()),
});
export type SessionFacts = z.infer<typeof sessionFactsSchema>;

/** Images whose values are labels (BIDS 1.11, "Imaging derivatives"; `defacemask` of raw data). */
const LABELS: ReadonlySet<string> = new Set(['mask', 'dseg', 'probseg', 'defacemask']);

/** Files of one session on their way into the new data set. */
class Session {
  readonly images: TreeImage[] = [];
  readonly masks: SessionFacts['masks'] = [];
  readonly masksLeft: string[] = [];
  readonly bad: BadFile[] = [];
  readonly written: WrittenFile[] = [];
  readonly #known: KnownFace[] = [];
  readonly #thread: DefaceThread;
  readonly #session: TreeSession;
  readonly #work: SessionWork;

  constructor(thread: DefaceThread, session: TreeSession, work: SessionWork) {
    this.#thread = thread;
    this.#session = session;
    this.#work = work;
  }

  /** Images in which no face is found wait until those that may show it to them are done. */
  async takeImages(): Promise<void> {
    const waiting: { image: string; fault: NoFace }[] = [];
    for (const image of this.#session.images) {
      const fault = await this.#guard(image, () => this.#takeImage(image, { looks: !isOfLabels(image) }));
      if (fault) waiting.push({ image, fault });
      else this.#work.tell();
    }
    for (const { image, fault } of waiting) {
      await this.#guard(image, async () => {
        const isTaken = this.#known.length > 0 && !(await this.#takeImage(image, { looks: false }));
        if (isTaken) return;
        const file = join(this.#work.root, image);
        throw flError('NF_DEFACE_IMAGE', { file, why: NO_FACE[fault] }, { place: { file } });
      });
      this.#work.tell();
    }
  }

  /** @returns why no face was found; undefined where the image is written */
  async #takeImage(image: string, { looks }: { looks: boolean }): Promise<NoFace | undefined> {
    const { root, sidecars, keep } = this.#work;
    const { subject } = this.#session;
    await checkInside({ bidsRoot: root, participantId: subject, images: [join(root, image)] });
    const { all, near } = await sidecars.of(image);
    const isStripped = all.SkullStripped === true;
    const answer: DefaceAnswer | { outcome: 'kept' } = keep.has(suffixOf(image))
      ? { outcome: 'kept' }
      : await this.#deface(image, { isStripped, looks, hasMask: true });
    if ('fault' in answer) return answer.fault;
    if ('written' in answer) {
      const { known, written, ...row } = answer;
      this.#known.push(known);
      this.written.push(...written);
      this.images.push({ file: image, ...row });
    } else {
      await this.#copy(image);
      this.images.push({ file: image, outcome: answer.outcome });
    }
    const said = all.DeidentificationMethod;
    const before = Array.isArray(said) ? (said as unknown[]) : said === undefined ? [] : [said];
    const method = { ...near, DeidentificationMethod: [...before, methodOf(answer)] };
    await this.#add(image.replace(ENDING, '.json'), prettyJson(method));
    return undefined;
  }

  #deface(path: string, how: Pick<DefaceTask, 'isStripped' | 'looks' | 'hasMask'>): Promise<DefaceAnswer> {
    const { root, partial } = this.#work;
    return this.#thread.run('defaceImage', { root, path, tree: partial.folder, known: this.#known, ...how });
  }

  /** Of derivatives: from those on the grid of an image the same voxels are taken. */
  async takeMasks(): Promise<void> {
    const { root } = this.#work;
    const { subject, folder } = this.#session;
    const session = folder === subject ? undefined : folder.slice(`${subject}/ses-`.length);
    const masks = (await listMasks(root, subject)).filter(({ name }) => name.entities.get('ses') === session);
    for (const { source } of masks)
      await this.#guard(source, async () => {
        const removedMl = await this.#takeMask(source);
        if (removedMl === undefined) return void this.masksLeft.push(source);
        this.masks.push({ file: source, removedMl });
        const sidecar = source.replace(ENDING, '.json');
        const said = await readContent(root, join(root, sidecar)).catch(ifAbsent);
        if (said) await this.#add(sidecar, said);
      });
  }

  /** @returns millilitres that were removed; undefined where it is on no grid of an image */
  async #takeMask(mask: string): Promise<number | undefined> {
    if (this.#known.length === 0) {
      await this.#copy(mask);
      return 0;
    }
    const answer = await this.#deface(mask, { isStripped: false, looks: false, hasMask: false });
    if (!('written' in answer)) return undefined;
    this.written.push(...answer.written);
    return answer.removedMl;
  }

  /** After the images: of those that are left out nothing is carried over. */
  async takeTexts(): Promise<void> {
    const { root } = this.#work;
    const lost = new Set(this.bad.map(({ file }) => file));
    const isKept = (image: string) => !lost.has(image);
    for (const text of this.#session.texts) {
      const beside = this.#session.images.filter((image) => dirname(image) === dirname(text));
      // What a sidecar says of several images stands in that of each.
      if (beside.some((image) => fits(basename(text), image))) continue;
      const own = beside.filter((image) => entitiesOf(image) === entitiesOf(text));
      if (own.length > 0 && !own.some(isKept)) continue;
      await this.#guard(text, async () => {
        const bytes = await readContent(root, join(root, text));
        await this.#add(text, text.endsWith('_scans.tsv') ? withoutRows(bytes, isListed(text, lost)) : bytes);
      });
    }
  }

  async #add(file: string, content: Uint8Array | string): Promise<void> {
    this.written.push(await this.#work.partial.addFile(file, content));
  }

  async #copy(image: string): Promise<void> {
    await this.#add(image, await readInput(join(this.#work.root, image), DATA_LIMITS.image_bytes.most));
  }

  /** What one file can be blamed for is noted. */
  async #guard<Value>(file: string, take: () => Promise<Value>): Promise<Value | undefined> {
    try {
      return await take();
    } catch (thrown) {
      this.#work.signal.throwIfAborted();
      const error = toNeuroflareError(thrown);
      if (error.exitCode !== 4) throw thrown;
      const message = withoutPaths(error.message, [join(this.#work.root, file)]);
      this.bad.push({ file, code: error.code, message });
      return undefined;
    }
  }
}

/** Writes one session into the new data set, or takes it as an earlier run wrote it. */
export async function defaceSession(
  thread: DefaceThread,
  session: TreeSession,
  work: SessionWork,
): Promise<SessionFacts & { bad: readonly BadFile[] }> {
  const { partial } = work;
  const finished = partial.finished.get(session.folder);
  if (finished) {
    for (const _ of session.images) work.tell();
    return { ...finished, bad: [] };
  }
  const own = new Session(thread, session, work);
  await own.takeImages();
  await own.takeMasks();
  await own.takeTexts();
  const { images, masks, masksLeft, bad, written } = own;
  const facts = { images, masks, masksLeft };
  // One with faults is looked at again, so that they are named again.
  if (bad.length === 0) await partial.finish({ key: session.folder, files: written, facts });
  return { ...facts, bad };
}

const ENDING = /\.nii(\.gz)?$/;

function isOfLabels(image: string): boolean {
  return LABELS.has(suffixOf(image));
}

function ifAbsent(error: NodeJS.ErrnoException): undefined {
  if (error.code !== 'ENOENT') throw error;
}

function methodOf(answer: Pick<TreeImage, 'outcome'>): string {
  const { outcome } = answer;
  const what =
    outcome === 'slice' || outcome === 'stripped' ? FACE_OUTCOMES[outcome] : faceMethod({ outcome });
  return `neuroflare ${packageVersion()}: ${what}`;
}

/** Name of a file without its suffix and ending. */
function entitiesOf(file: string): string {
  return basename(file).replace(/_[^_]*$/, '');
}

/** Whether a row of scans.tsv names a file that is left out; names begin at the folder of the table. */
function isListed(table: string, lost: ReadonlySet<string>): (name: string) => boolean {
  return (name) => lost.has(`${dirname(table)}/${name}`);
}

/** A table without the rows whose first cell is gone. */
export function withoutRows(bytes: Uint8Array, isGone: (name: string) => boolean): string {
  const lines = Buffer.from(bytes).toString('utf8').split('\n');
  return lines.filter((line, at) => at === 0 || !isGone(line.split('\t')[0]?.trim() ?? '')).join('\n');
}
