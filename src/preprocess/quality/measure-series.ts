import { dirname } from 'node:path';
import { prettyJson } from '../../runtime/base/digest.ts';
import { makeFolder, putFile } from '../../runtime/base/files/files.ts';
import { voxelSize } from '../nifti/affine.ts';
import { reorientToRas } from '../nifti/orient.ts';
import type { NiftiImage } from '../nifti/read.ts';
import { volumesOf } from '../nifti/series.ts';
import { encodeNifti, gzipNifti } from '../nifti/write.ts';
import { valuesIn } from '../preparation/crop.ts';
import { findHead } from '../preparation/head-mask.ts';
import type { Scan } from '../preparation/scan.ts';
import { entropyFocus } from './measure/entropy-focus.ts';
import { ghostToSignal } from './measure/ghosts.ts';
import { framewiseDisplacement, movements } from './measure/motion.ts';
import { dvars, overTime, type Series } from './measure/series.ts';
import { medianOf } from './measure/spread.ts';
import { because } from './outcome.ts';
import type { QualityTask } from './quality-task.ts';
import { type Figures, headSignal, measureAny, subjectOf } from './subject.ts';

/** mm: more is taken for a movement (Power et al. 2012). */
const MOVED = 0.2;
const NO_MOVEMENT = 'the head does not say how the volumes lie: fewer than 3 slices, or no edges';

/** Figures of the mean over time and of the changes, and the temporal SNR map where it is asked for. */
export async function measureSeries(
  image: NiftiImage,
  task: QualityTask,
): Promise<{ figures: Partial<Figures>; shown: Scan }> {
  const volumes = volumesOf(image);
  const { data, affine, shape: sizes } = reorientToRas(image);
  const shape = [sizes[0] ?? 1, sizes[1] ?? 1, sizes[2] ?? 1] as const;
  const series: Series = { data, volumes };
  const { mean, tsnr } = overTime(series);
  const scan = { shape, data: mean, affine };
  if (task.map !== undefined) await writeMap(task.map, { ...scan, data: tsnr });
  const head = findHead(scan);
  if (!head) return { figures: { efc: entropyFocus(mean) }, shown: scan };
  const subject = subjectOf(scan, head);
  return {
    shown: scan,
    figures: {
      ...measureAny(subject),
      snr: headSignal(subject),
      gsr_x: ghostToSignal(subject, 0),
      gsr_y: ghostToSignal(subject, 1),
      tsnr: medianOf(valuesIn(tsnr, head)),
      dvars: dvars(series, head),
      ...displacement(series, { head, shape, voxel: voxelSize(affine) }),
    },
  };
}

function displacement(
  series: Series,
  space: Parameters<typeof movements>[1],
): Pick<Figures, 'fd_mean' | 'fd_perc'> {
  const found = movements(series, space);
  if (!found) return { fd_mean: because(NO_MOVEMENT), fd_perc: because(NO_MOVEMENT) };
  const all = framewiseDisplacement(found);
  const over = all.filter((one) => one > MOVED).length;
  return {
    fd_mean: all.reduce((sum, one) => sum + one, 0) / all.length,
    fd_perc: (100 * over) / all.length,
  };
}

async function writeMap({ stem, source }: NonNullable<QualityTask['map']>, map: Scan): Promise<void> {
  await makeFolder(dirname(stem));
  await putFile(`${stem}.nii.gz`, await gzipNifti(encodeNifti(map)));
  await putFile(`${stem}.json`, prettyJson({ ...MAP_TEXT, Sources: [`bids:raw:${source}`] }));
}

const MAP_TEXT = {
  Description:
    'Temporal signal to noise: mean over time over standard deviation over time of each voxel, 0 where nothing changes. Volumes were not aligned before.',
  SkullStripped: false,
};
