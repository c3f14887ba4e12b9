import { NeuroflareError } from '../../../runtime/base/errors/errors.ts';
import type { DefaceThreads } from '../../deface/deface-threads.ts';
import { type ImageFace, imageFace } from '../../deface/face-record.ts';
import type { ConvertedFiles } from '../convert/dcm2niix.ts';
import type { Problem, ProblemCode } from '../problems.ts';
import { datatypeOf } from '../series-map.ts';
import { type CleanVolume, cleanVolume } from './clean-nifti.ts';
import { faceProblem } from './faces.ts';
import type { PlannedSeries } from './plan.ts';
import { type CleanSidecar, cleanSidecar } from './sidecar.ts';

export interface MadeImage {
  /** Path below the data set without its ending: `sub-…/ses-…/anat/sub-…_T1w`. */
  readonly path: string;
  readonly volume: CleanVolume;
  readonly sidecar: CleanSidecar;
  /** Gradients of a diffusion series: texts of numbers alone. */
  readonly gradients: { readonly bval: string; readonly bvec: string } | undefined;
  readonly face: ImageFace;
}

/** What is done with the files that a series became. */
interface Making {
  readonly files: ConvertedFiles | undefined;
  readonly drop: readonly string[];
  /** Undefined where faces are kept. */
  readonly deface: DefaceThreads | undefined;
}

const NUMBERS = /^[-+.\deE\s]+$/;

/** The images of one series with their names, or why it has none. */
export async function imagesOf(
  planned: PlannedSeries,
  made: Making,
): Promise<readonly MadeImage[] | Problem> {
  return namedImages(planned, made).catch((error: unknown) => {
    // A volume that cannot be read, or a sidecar that is no JSON, is no result; it concerns this series alone.
    const isBad =
      error instanceof SyntaxError || (error instanceof NeuroflareError && /^NF_NIFTI_/.test(error.code));
    if (!isBad || (error instanceof NeuroflareError && error.code === 'NF_NIFTI_MEMORY')) throw error;
    return problem('not_converted');
  });
}

async function namedImages(
  planned: PlannedSeries,
  { files, drop, deface }: Making,
): Promise<readonly MadeImage[] | Problem> {
  const niftis = (files ?? []).filter(({ name }) => name.endsWith('.nii'));
  if (!files || niftis.length === 0) return problem('not_converted');
  const names = niftis.map(({ name }) => entityOf(name, niftis.length));
  if (names.includes(undefined) || new Set(names).size < names.length) return problem('several_images');
  const textOf = (stem: string, ending: string) => {
    const bytes = files.find(({ name }) => name === `${stem}.${ending}`)?.bytes;
    return bytes && new TextDecoder().decode(bytes);
  };
  const defaced = await deface?.use((thread) => thread.run('defaceNiftis', niftis));
  if (typeof defaced === 'string') return problem(faceProblem(defaced));
  const made: MadeImage[] = [];
  for (const [index, { name, bytes }] of niftis.entries()) {
    const stem = name.slice(0, -'.nii'.length);
    const sidecar = files.find((file) => file.name === `${stem}.json`);
    if (!sidecar) return problem('not_converted');
    const own = defaced?.[index];
    const volume = await cleanVolume(own?.bytes ?? bytes, name);
    const [bval, bvec] = [textOf(stem, 'bval'), textOf(stem, 'bvec')];
    const isWhole = bval !== undefined && bvec !== undefined && NUMBERS.test(bval) && NUMBERS.test(bvec);
    const fault = axesFault(planned, { volume, isWhole });
    if (fault) return problem(fault);
    const parts = [planned.stem, names[index] ?? '', planned.rule.suffix ?? ''].filter((part) => part !== '');
    made.push({
      path: `${planned.folder}/${parts.join('_')}`,
      volume,
      sidecar: cleanSidecar(sidecar.bytes, drop),
      gradients: isWhole && planned.rule.suffix === 'dwi' ? { bval, bvec } : undefined,
      face: await imageFace(own),
    });
  }
  return made;
}

/** What dcm2niix tells images of a series apart by, in BIDS's words; undefined for what has none. One image needs none. */
function entityOf(name: string, count: number): string | undefined {
  const [, echo, phase, rest] = /^out(?:_e(\d+))?(_ph)?(.*)\.nii$/.exec(name) ?? [];
  if (count === 1) return /^(a|_.*)?$/.test(rest ?? '') ? '' : undefined;
  if (rest !== '') return undefined;
  return [
    ...(echo === undefined ? [] : [`echo-${Number(echo)}`]),
    ...(phase === undefined ? [] : ['part-phase']),
  ].join('_');
}

function axesFault(
  { rule }: PlannedSeries,
  { volume, isWhole }: { volume: CleanVolume; isWhole: boolean },
): ProblemCode | undefined {
  const isSeries = rule.suffix === 'bold' || rule.suffix === 'cbv' || rule.suffix === 'dwi';
  if (isSeries && volume.axes !== 4) return 'not_four_axes';
  if (datatypeOf(rule) === 'anat' && volume.axes !== 3) return 'not_three_axes';
  return rule.suffix === 'dwi' && !isWhole ? 'no_gradients' : undefined;
}

function problem(code: ProblemCode): Problem {
  return { code, count: 1 };
}
