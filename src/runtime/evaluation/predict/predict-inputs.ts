import { mkdtemp, rm, stat } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { basename, join } from 'node:path';
import { channelNames, chooseExamples, describeImages } from '../../../preprocess/bids/choose-images.ts';
import { parseImageName } from '../../../preprocess/bids/image-name.ts';
import { findExamples, listExamples } from '../../../preprocess/bids/layout.ts';
import { listParticipants } from '../../../preprocess/bids/participants.ts';
import { convertPicture, encodeSlice } from '../../../preprocess/bids/picture-file.ts';
import { encodeVolume } from '../../../preprocess/bids/volume-file.ts';
import { contentAbsent, linkFault, pointerOf } from '../../../preprocess/content/absent.ts';
import { foreignFormat } from '../../../preprocess/content/foreign.ts';
import { PictureError } from '../../../preprocess/image/fault.ts';
import { isGzip } from '../../../preprocess/nifti/gzip.ts';
import { isNifti } from '../../../preprocess/nifti/header.ts';
import { selectionFor } from '../../../preprocess/select/record.ts';
import { readVolume, volumeFormat } from '../../../preprocess/volume/read-volume.ts';
import { flError } from '../../base/errors/errors.ts';
import { putFile } from '../../base/files/files.ts';
import { openInput, readInput } from '../../base/files/read-file.ts';
import { channelCount, type Selection } from '../../base/selection/selection.ts';

/** One example to be predicted: an image, or one of each channel. */
export interface PredictImage {
  /** The participant, or the file's name without ending. */
  readonly subject: string;
  /** As the user named it. */
  readonly source: string;
  /** NIfTI to read, one file a channel. */
  readonly paths: readonly string[];
}

/** A file that was given. */
interface OwnFile extends Omit<PredictImage, 'paths'> {
  readonly path: string;
}

/** A subject of a data set that is not predicted, and why. */
export interface LeftOut {
  readonly subject: string;
  readonly reason: string;
}

interface Found {
  readonly images: PredictImage[];
  readonly leftOut: LeftOut[];
}

export interface PredictInputs extends Readonly<Found> {
  /** Removes what was made for reading pictures. */
  close(): Promise<void>;
}

const PICTURE = /\.(jpe?g|jpe|jfif|png)$/i;
/** What is left out of the name of a subject. */
const ENDING = /\.(nii(\.gz)?|hdr|img|mg[hz]|nrrd|nhdr|mh[ad]|jpe?g|jpe|jfif|png)$/i;

/**
 * Images from files and BIDS folders. JPEG and PNG pictures, and volumes other than NIfTI, go through the steps of `preprocess bids`; a data
 * set's set-aside images are predicted, too.
 * @param headMask whether pictures are cropped to the head, as the training images were
 * @param selection which images of a data set were trained on
 * @throws NF_PREDICT_INPUT, NF_PREDICT_PICTURE, NF_BIDS_*, NF_VOLUME_*
 */
export async function openInputs(
  paths: readonly string[],
  headMask: boolean,
  selection?: Selection,
): Promise<PredictInputs> {
  const folder = await mkdtemp(join(tmpdir(), 'neuroflare-predict-'));
  const close = () => rm(folder, { recursive: true, force: true });
  try {
    const found: Found[] = [];
    const files: OwnFile[] = [];
    for (const [at, path] of paths.entries()) {
      if (await isFolder(path)) {
        found.push(await imagesOfDataset(path, selection));
        continue;
      }
      const file = await openFile(path, { made: `${join(folder, String(at))}.nii.gz`, headMask });
      if (selection?.channels) files.push(file);
      else found.push({ images: [{ ...file, paths: [file.path] }], leftOut: [] });
    }
    if (selection?.channels && files.length > 0)
      found.push({ images: setsOfFiles(files, selection), leftOut: [] });
    const images = found.flatMap((one) => one.images);
    const leftOut = found.flatMap((one) => one.leftOut);
    const subject = firstTwice(images.map((image) => `${image.subject}\n${image.source}`));
    if (subject !== undefined)
      throw flError('NF_PREDICT_INPUT', { path: subject, reason: 'it is given twice' });
    return { images, leftOut, close };
  } catch (error) {
    await close();
    throw error;
  }
}

async function isFolder(path: string): Promise<boolean> {
  const found = await stat(path).catch(async (cause: unknown) => {
    const fault = await linkFault(path);
    if (fault) throw fault;
    throw flError('NF_PATH_MISSING', { what: 'Image', path }, { place: { file: path }, cause });
  });
  return found.isDirectory();
}

/** @param made where the NIfTI file goes that is made of another form */
async function openFile(
  path: string,
  { made, headMask }: { made: string; headMask: boolean },
): Promise<OwnFile> {
  const image = { subject: basename(path).replace(ENDING, ''), source: path };
  const kind = await kindOf(path);
  if (kind === 'NIfTI') return { ...image, path };
  await putFile(
    made,
    kind === 'picture' ? await convert(path, headMask) : await encodeVolume(await readVolume(path)),
  );
  return { ...image, path: made };
}

/**
 * Files that their names of BIDS put together, by subject and session; else one set, of as many as there are channels, in their order.
 * @throws NF_PREDICT_CHANNELS
 */
function setsOfFiles(files: readonly OwnFile[], selection: Selection): PredictImage[] {
  const names = new Map(files.map((file) => [file, parseImageName(basename(file.source))]));
  if (![...names.values()].every((name) => name !== undefined)) return [inOrder(files, selection)];
  const subjects = Map.groupBy(files, (file) => `sub-${names.get(file)?.entities.get('sub')}`);
  return [...subjects].flatMap(([subject, own]) => {
    const bySource = new Map(own.map((file) => [file.source, file.path]));
    const { examples, incomplete } = chooseExamples(() => [...bySource.keys()], selection);
    if (incomplete.length > 0 || examples.length === 0) throw wrongFiles(own, selection);
    return examples.map((sources) => ({
      subject,
      source: sources.join(' + '),
      paths: sources.flatMap((source) => bySource.get(source) ?? []),
    }));
  });
}

function inOrder(files: readonly OwnFile[], selection: Selection): PredictImage {
  const [first] = files;
  if (!first || files.length !== channelCount(selection)) throw wrongFiles(files, selection);
  const source = files.map((file) => file.source).join(' + ');
  return { subject: first.subject, source, paths: files.map(({ path }) => path) };
}

function wrongFiles(files: readonly OwnFile[], selection: Selection) {
  const params = {
    channels: channelNames(selection).join(', '),
    given: files.map(({ source }) => source).join(', '),
  };
  return flError('NF_PREDICT_CHANNELS', params);
}

/**
 * JPEG, PNG and NIfTI whatever the name, other volumes by their names; the decoder says of a file that is only named so what it is.
 * @throws NF_PREDICT_INPUT for what is no image, by its name and by its content
 */
async function kindOf(path: string): Promise<'NIfTI' | 'picture' | 'other volume'> {
  const head = await readHead(path);
  const pointer = pointerOf(head);
  if (pointer) throw contentAbsent(pointer, path);
  const volume = volumeFormat(path);
  if (volume === 'NIfTI pair') return 'other volume';
  if (isNifti(head)) return 'NIfTI';
  const format = foreignFormat(head);
  if (format?.name === 'a JPEG image' || format?.name === 'a PNG image' || PICTURE.test(path))
    return 'picture';
  if (volume !== undefined && volume !== 'NIfTI') return 'other volume';
  if (volume === 'NIfTI' || isGzip(head)) return 'NIfTI';
  const reason = format
    ? `it is ${format.name}; NIfTI, MGH, NRRD, MetaImage, JPEG and PNG are read`
    : 'it is neither NIfTI, MGH, NRRD, MetaImage, JPEG nor PNG, by its name and by its content';
  throw flError('NF_PREDICT_INPUT', { path, reason });
}

async function readHead(path: string): Promise<Uint8Array> {
  const file = await openInput(path);
  try {
    const head = Buffer.alloc(512);
    const { bytesRead } = await file.read(head, 0, head.length, 0);
    return head.subarray(0, bytesRead);
  } finally {
    await file.close();
  }
}

/** Labels are not asked for. Subjects without an image are left out, as `preprocess split` does; where nobody has one, the first is the fault. */
async function imagesOfDataset(root: string, trained: Selection | undefined): Promise<Found> {
  const selection = await selectionFor(root, undefined, trained);
  const { rows } = await listParticipants(root);
  const images: PredictImage[] = [];
  const leftOut: LeftOut[] = [];
  // Nobody's label is known, so who lacks a channel is left out like others without an image.
  const lenient: Selection = selection.channels ? { ...selection, incomplete: 'drop' } : selection;
  for (const { id } of rows) {
    const { examples, incomplete } = await listExamples(root, id, lenient);
    leftOut.push(
      ...incomplete.map(({ missing }) => ({ subject: id, reason: `no ${missing.join(', no ')}` })),
    );
    if (examples.length === 0) {
      if (incomplete.length === 0) leftOut.push({ subject: id, reason: `no ${describeImages(selection)}` });
      continue;
    }
    for (const paths of await findExamples(root, id, lenient))
      images.push({ subject: id, source: paths.join(' + '), paths });
  }
  const [first] = rows;
  if (first && images.length === 0) await findExamples(root, first.id, selection);
  return { images, leftOut };
}

async function convert(path: string, headMask: boolean): Promise<Uint8Array> {
  try {
    const { image } = await convertPicture(await readInput(path), { size: undefined, headMask });
    return await encodeSlice(image);
  } catch (cause) {
    if (!(cause instanceof PictureError)) throw cause;
    const params = { path, reason: cause.code, detail: cause.message };
    throw flError('NF_PREDICT_PICTURE', params, { place: { file: path }, cause });
  }
}

function firstTwice(items: readonly string[]): string | undefined {
  return items.find((item, at) => items.indexOf(item) !== at)?.split('\n')[1];
}
