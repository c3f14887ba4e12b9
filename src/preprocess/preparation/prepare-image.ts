import { dirname } from 'node:path';
import { u8At } from '../../runtime/base/at.ts';
import { prettyJson } from '../../runtime/base/digest.ts';
import { flError } from '../../runtime/base/errors/errors.ts';
import { makeFolder, putFile } from '../../runtime/base/files/files.ts';
import { determinant, IDENTITY, type Vector } from '../nifti/affine.ts';
import { readNifti } from '../nifti/read.ts';
import { encodeNifti, gzipNifti } from '../nifti/write.ts';
import type { Grid } from '../volume/grid.ts';
import { checkSizes } from '../volume/stored-volume.ts';
import { followPipeline, type Placement } from './follow-pipeline.ts';
import { type Pipeline, spaceOf } from './pipeline.ts';
import { placedLabels } from './placed-labels.ts';
import { itkTransform } from './registration/itk-transform.ts';
import type { Registration } from './registration/register.ts';
import { runPipeline } from './run-pipeline.ts';
import type { Mask, Scan } from './scan.ts';

/** One image and where its result goes. */
export interface ImageFile {
  readonly file: string;
  /** Below the source data set, with `/`. */
  readonly source: string;
  /** Path of the result without `_desc-...` and what comes after. */
  readonly stem: string;
  readonly suffix: string;
}

/** A mask and the path of its result, without ending. */
export interface MaskFile {
  readonly file: string;
  readonly source: string;
  readonly path: string;
}

/** An example with what was drawn in it; plain data, so that it can go to another thread. */
export interface ImageTask extends ImageFile {
  readonly pipeline: Pipeline;
  /** Further channels, which come to lie where the image does. */
  readonly others: readonly ImageFile[];
  readonly masks: readonly MaskFile[];
}

export interface PreparedImage {
  readonly file: string;
  readonly shape: Vector;
  /** Of the head's mask, in millilitres; null where no step asked for it. */
  readonly headMl: number | null;
}

/** What was made of a task. */
export interface PreparedExample {
  readonly images: readonly PreparedImage[];
  /** Masks, below the source data set; an empty one had labels, none of which has a voxel of the result. */
  readonly masks: readonly { readonly file: string; readonly isEmpty: boolean }[];
}

/**
 * Reads a volume, does the steps and writes the result, with the head's mask where there is one; then its further channels and masks, on the
 * same grid.
 * @throws as `readScan`, `runPipeline`, `followPipeline` and `placedLabels`
 */
export async function prepareImage(task: ImageTask): Promise<PreparedExample> {
  const { file, source, pipeline, stem, suffix, others, masks } = task;
  const { scan, head, registration } = await runPipeline(await readScan(file), pipeline, file);
  await makeFolder(dirname(stem));
  const reference = others.length > 0 ? inLineWith('orig', pipeline) : {};
  const sources = { Sources: [`bids:raw:${source}`], ...registered(registration) };
  const sidecar = prettyJson(sources);
  await put(`${stem}_desc-preproc_${suffix}`, { ...scan, sidecar: prettyJson({ ...sources, ...reference }) });
  if (head) await put(`${stem}_desc-head_mask`, { ...scan, data: head, sidecar });
  const space = spaceOf(pipeline);
  if (registration && space) {
    const plain = stem.replace(`_space-${space.space}`, '');
    const name = `${plain}_from-${suffix}_to-${space.space}_mode-image_xfm.txt`;
    await putFile(name, itkTransform(registration.matrix));
  }
  const { shape, affine } = scan;
  const placement: Placement = { grid: { shape, affine }, matrix: registration?.matrix ?? IDENTITY, head };
  const images: PreparedImage[] = [{ file: source, shape, headMl: head ? volumeOf(head, affine) : null }];
  for (const other of others) {
    await putOther(other, { pipeline, placement, reference: source });
    images.push({ file: other.source, shape, headMl: null });
  }
  const carried: { file: string; isEmpty: boolean }[] = [];
  for (const mask of masks) carried.push({ file: mask.source, isEmpty: await putMask(mask, placement) });
  return { images, masks: carried };
}

async function putOther(
  { file, source, stem, suffix }: ImageFile,
  { pipeline, placement, reference }: { pipeline: Pipeline; placement: Placement; reference: string },
): Promise<void> {
  const scan = await followPipeline(await readScan(file), pipeline, { placement, file });
  const sidecar = prettyJson({
    Sources: [`bids:raw:${source}`],
    ...inLineWith(`bids:raw:${reference}`, pipeline),
  });
  await put(`${stem}_desc-preproc_${suffix}`, { ...scan, sidecar });
}

/** @returns whether nothing is left of its labels */
async function putMask({ file, source, path }: MaskFile, placement: Placement): Promise<boolean> {
  const mask = await readScan(file);
  const data = placedLabels(mask, placement, file);
  await makeFolder(dirname(path));
  await put(path, { ...placement.grid, data, sidecar: prettyJson({ Sources: [`bids:raw:${source}`] }) });
  return data.every((value) => value === 0) && mask.data.some((value) => value !== 0);
}

/** What voxels are in line with, where the sidecar of the whole data set does not say it: it does of a template. */
function inLineWith(reference: string, pipeline: Pipeline): object {
  return spaceOf(pipeline) ? {} : { SpatialReference: reference };
}

/** What the sidecar says of a registration; places are in mm, right, anterior and superior. */
function registered(registration: Registration | undefined): object {
  if (!registration) return {};
  const { matrix, information, overlap } = registration;
  return {
    Registration: { TemplateToImage: matrix, MutualInformation: information, Overlap: overlap },
  };
}

/** @throws as `readNifti`; NF_PREPARE_FLAT for a picture, which has no voxels to resample; NF_VOLUME_SERIES for volumes over time */
export async function readScan(file: string): Promise<Scan> {
  const image = await readNifti(file);
  const [x = 1, y = 1, z = 1, ...more] = image.shape;
  if (Math.min(x, y, z) < 2)
    throw flError('NF_PREPARE_FLAT', { file, shape: `${x} x ${y} x ${z}` }, { place: { file } });
  return { shape: checkSizes([x, y, z, ...more], file), data: image.data, affine: image.affine };
}

interface Output extends Grid {
  readonly data: Float32Array | Int16Array | Uint8Array;
  readonly sidecar: string;
}

async function put(path: string, { shape, data, affine, sidecar }: Output): Promise<void> {
  await putFile(`${path}.nii.gz`, await gzipNifti(encodeNifti({ shape, data, affine })));
  await putFile(`${path}.json`, sidecar);
}

function volumeOf(head: Mask, affine: Grid['affine']): number {
  let voxels = 0;
  for (let at = 0; at < head.length; at++) voxels += u8At(head, at);
  return Number(((voxels * Math.abs(determinant(affine))) / 1000).toFixed(1));
}
