import { dirname } from 'node:path';
import { prettyJson } from '../../runtime/base/digest.ts';
import { flError } from '../../runtime/base/errors/errors.ts';
import { makeFolder, putFile } from '../../runtime/base/files/files.ts';
import { type Affine, determinant, type Vector } from '../nifti/affine.ts';
import { readNifti } from '../nifti/read.ts';
import { encodeNifti, gzipNifti } from '../nifti/write.ts';
import { checkSizes } from '../volume/stored-volume.ts';
import { type Pipeline, spaceOf } from './pipeline.ts';
import { itkTransform } from './registration/itk-transform.ts';
import type { Registration } from './registration/register.ts';
import { runPipeline } from './run-pipeline.ts';
import type { Scan } from './scan.ts';

/** One image and where its result goes; plain data, so that it can go to another thread. */
export interface ImageTask {
  readonly file: string;
  /** Below the source data set, with `/`. */
  readonly source: string;
  readonly pipeline: Pipeline;
  /** Path of the result without `_desc-...` and what comes after. */
  readonly stem: string;
  readonly suffix: string;
}

export interface PreparedImage {
  readonly file: string;
  readonly shape: Vector;
  /** Of the head's mask, in millilitres; null where no step asked for it. */
  readonly headMl: number | null;
}

/**
 * Reads a volume, does the steps and writes the result, with the head's mask where there is one.
 * @throws as `readScan` and `runPipeline`
 */
export async function prepareImage({
  file,
  source,
  pipeline,
  stem,
  suffix,
}: ImageTask): Promise<PreparedImage> {
  const { scan, head, registration } = await runPipeline(await readScan(file), pipeline, file);
  await makeFolder(dirname(stem));
  const sidecar = prettyJson({ Sources: [`bids:raw:${source}`], ...registered(registration) });
  await put(`${stem}_desc-preproc_${suffix}`, { ...scan, sidecar });
  if (head) await put(`${stem}_desc-head_mask`, { ...scan, data: head, sidecar });
  const space = spaceOf(pipeline);
  if (registration && space) {
    const plain = stem.replace(`_space-${space.space}`, '');
    const name = `${plain}_from-${suffix}_to-${space.space}_mode-image_xfm.txt`;
    await putFile(name, itkTransform(registration.matrix));
  }
  return { file: source, shape: scan.shape, headMl: head ? volumeOf(head, scan.affine) : null };
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

interface Output {
  readonly shape: Vector;
  readonly data: Float32Array | Uint8Array;
  readonly affine: Affine;
  readonly sidecar: string;
}

async function put(path: string, { shape, data, affine, sidecar }: Output): Promise<void> {
  await putFile(`${path}.nii.gz`, await gzipNifti(encodeNifti({ shape, data, affine })));
  await putFile(`${path}.json`, sidecar);
}

function volumeOf(head: Uint8Array, affine: Affine): number {
  const voxels = head.reduce((sum, value) => sum + value, 0);
  return Number(((voxels * Math.abs(determinant(affine))) / 1000).toFixed(1));
}
