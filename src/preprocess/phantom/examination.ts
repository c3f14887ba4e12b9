import { join } from 'node:path';
import { prettyJson } from '../../runtime/base/digest.ts';
import { makeFolder, putFile } from '../../runtime/base/files/files.ts';
import type { Volume } from '../nifti/orient.ts';
import { encodeNifti, gzipNifti } from '../nifti/write.ts';
import { gridOf, type PhantomRecipe, type PlannedParticipant } from './plan.ts';
import { scannerOf } from './scanner.ts';
import { maskSidecar, siteSidecar } from './sidecars.ts';
import { simulate } from './volume.ts';

export const DERIVATIVE = join('derivatives', 'lesions');

/** One participant to simulate and where to write it; plain data, so that it can go to another thread. */
export interface ExaminationTask {
  readonly folder: string;
  readonly recipe: PhantomRecipe;
  readonly participant: PlannedParticipant;
}

/** Simulates one participant and writes image, mask and sidecars below `folder`. */
export async function writeExamination({ folder, recipe, participant }: ExaminationTask): Promise<void> {
  const { id, diagnosis, site } = participant;
  const scanner = scannerOf(site);
  const { image, mask } = simulate({
    seed: recipe.seed,
    participant: id,
    diagnosis,
    scanner,
    grid: gridOf(recipe),
  });
  const raw = join(folder, id, 'anat', `${id}_ce-gadolinium`);
  const derived = join(folder, DERIVATIVE, id, 'anat', `${id}_ce-gadolinium_desc-lesion_mask`);
  await makeFolder(join(raw, '..'));
  await makeFolder(join(derived, '..'));
  await putFile(`${raw}_T1w.nii.gz`, await pack(image));
  await putFile(`${raw}_T1w.json`, prettyJson(siteSidecar(scanner)));
  await putFile(`${derived}.nii.gz`, await pack(mask));
  await putFile(`${derived}.json`, prettyJson(maskSidecar(id)));
}

async function pack({ shape, data, affine }: Volume): Promise<Uint8Array> {
  const [x = 1, y = 1, z = 1] = shape;
  return gzipNifti(encodeNifti({ shape: [x, y, z], data, affine, description: 'simulated head' }));
}
