import { NeuroflareError } from '../../runtime/base/errors/errors.ts';
import { readInput } from '../../runtime/base/files/read-file.ts';
import { type Fault, PictureError } from '../image/fault.ts';
import type { Examination } from './examination.ts';
import type { Facts } from './facts.ts';
import type { PartialTree, WrittenFile } from './partial-tree.ts';
import { convertPicture, encodeSlice, type Processing } from './picture-file.ts';
import { convertVolumes, LESION_MASK } from './volume-file.ts';
import { withoutPaths } from './without-paths.ts';

/** Folder of the derivative with lesion masks. */
export const LESIONS = 'derivatives/lesions';
const SLICE = 'desc-slice_T1w';

interface Task {
  readonly source: Examination;
  readonly id: string;
  readonly processing: Processing;
  /** Undefined in a dry run. */
  readonly partial: PartialTree | undefined;
}

/** Reads one examination and writes its files into the tree. Answers with the fault where a file cannot be used. */
export async function convertExamination(task: Task): Promise<Facts | Fault> {
  const { source, partial } = task;
  const finished = partial?.finished.get(source.key);
  if (finished) return finished;
  const written: WrittenFile[] = [];
  try {
    const facts = await (source.content.kind === 'picture' ? picture(task, written) : volumes(task, written));
    await partial?.finish({ key: source.key, files: written, facts });
    return facts;
  } catch (thrown) {
    const fault = faultOf(thrown, source);
    await partial?.drop(written);
    return fault;
  }
}

async function picture({ source, id, processing, partial }: Task, written: WrittenFile[]): Promise<Facts> {
  const bytes = await readPicture(source.files[0] ?? '');
  const { facts, image } = await convertPicture(bytes, processing);
  if (partial) {
    const file = pathOf({ source, id }, SLICE);
    written.push(await partial.addFile(file, await encodeSlice(image)));
  }
  return { picture: facts };
}

async function volumes({ source, id, partial }: Task, written: WrittenFile[]): Promise<Facts> {
  const { content } = source;
  if (content.kind !== 'volumes') throw new Error('the caller looks at the kind');
  const facts = await convertVolumes(content, async (name, bytes) => {
    if (!partial) return;
    const file = pathOf({ source, id }, name);
    if (name !== LESION_MASK) return void written.push(await partial.addFile(file, bytes));
    written.push(await partial.addFile(`${LESIONS}/${file}`, bytes));
    const image = pathOf({ source, id }, content.images[0]?.name ?? '');
    const sidecar = `${JSON.stringify({ Sources: [`bids:source:${image}`] }, null, 2)}\n`;
    written.push(await partial.addFile(`${LESIONS}/${file.replace(/\.nii\.gz$/, '.json')}`, sidecar));
  });
  return { volume: facts };
}

/** Of an image in the tree. */
function pathOf({ source, id }: { source: Examination; id: string }, name: string): string {
  const { session } = source;
  if (session === undefined) return `${id}/anat/${id}_${name}.nii.gz`;
  return `${id}/ses-${session}/anat/${id}_ses-${session}_${name}.nii.gz`;
}

async function readPicture(path: string): Promise<Uint8Array> {
  try {
    return await readInput(path);
  } catch (cause) {
    throw new PictureError('unreadable', (cause as Error).message, { cause });
  }
}

/** What one file can be blamed for; all else is thrown on. */
function faultOf(thrown: unknown, { shown, place, files }: Examination): Fault {
  if (thrown instanceof PictureError) {
    return { code: thrown.code, path: shown, detail: withoutPaths(thrown.message, files), place };
  }
  if (!(thrown instanceof NeuroflareError) || thrown.exitCode !== 4) throw thrown;
  return { code: thrown.code, path: shown, detail: withoutPaths(thrown.message, files), place };
}
