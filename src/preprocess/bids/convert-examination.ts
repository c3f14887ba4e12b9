import { prettyJson } from '../../runtime/base/digest.ts';
import { NeuroflareError } from '../../runtime/base/errors/errors.ts';
import { readInput } from '../../runtime/base/files/read-file.ts';
import { DEFACING } from '../deface/words.ts';
import { type Fault, PictureError } from '../image/fault.ts';
import type { Examination } from './examination.ts';
import type { FaceRule } from './examination-face.ts';
import type { Facts } from './facts.ts';
import type { PartialTree, WrittenFile } from './partial-tree.ts';
import { convertPicture, encodeSlice, type Processing } from './picture-file.ts';
import { convertVolumes, FACE_MASK, LESION_MASK } from './volume-file.ts';
import { withoutPaths } from './without-paths.ts';

/** Folder of the derivative with lesion masks. */
export const LESIONS = 'derivatives/lesions';
const MASK_FOLDERS: Readonly<Record<string, string>> = { [LESION_MASK]: LESIONS, [FACE_MASK]: DEFACING };
const SLICE = 'desc-slice_T1w';

interface Task {
  readonly source: Examination;
  readonly id: string;
  readonly processing: Processing;
  readonly faces: FaceRule;
  /** Undefined in a dry run. */
  readonly partial: PartialTree<Facts> | undefined;
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

async function volumes({ source, id, faces, partial }: Task, written: WrittenFile[]): Promise<Facts> {
  const { content } = source;
  if (content.kind !== 'volumes') throw new Error('the caller looks at the kind');
  const take = async (name: string, bytes: Uint8Array) => {
    if (!partial) return;
    const file = pathOf({ source, id }, name);
    const folder = MASK_FOLDERS[name];
    if (folder === undefined) return void written.push(await partial.addFile(file, bytes));
    written.push(await partial.addFile(`${folder}/${file}`, bytes));
    const images = name === FACE_MASK ? content.images : content.images.slice(0, 1);
    const sources = images.map((image) => `bids:source:${pathOf({ source, id }, image.name)}`);
    const sidecar = prettyJson({ Sources: sources });
    written.push(await partial.addFile(`${folder}/${file.replace(/\.nii\.gz$/, '.json')}`, sidecar));
  };
  return { volume: await convertVolumes(content, { take, faces }) };
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
