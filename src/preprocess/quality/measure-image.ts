import { f32At } from '../../runtime/base/at.ts';
import { findHead as headOfPicture } from '../image/head-mask.ts';
import { AXES, type Axis, affineFromColumns, type Vector, voxelSize } from '../nifti/affine.ts';
import { type NiftiImage, readNifti } from '../nifti/read.ts';
import { volumesOf } from '../nifti/series.ts';
import { uprightOf } from '../picture/axial-slices.ts';
import { findWindow } from '../picture/intensity.ts';
import { findHead } from '../preparation/head-mask.ts';
import type { Scan } from '../preparation/scan.ts';
import { FIGURES, isMeantFor, type Kind } from './figures.ts';
import { entropyFocus } from './measure/entropy-focus.ts';
import { laplacian } from './measure/smoothness.ts';
import { measureSeries } from './measure-series.ts';
import { measureVolume } from './measure-volume.ts';
import { because } from './outcome.ts';
import type { QualityTask } from './quality-task.ts';
import { type Figures, headSignal, measureAny, type Subject, subjectOf } from './subject.ts';
import { thumbnailOf } from './thumbnail.ts';

export interface ImageQuality {
  readonly kind: Kind;
  readonly shape: readonly number[];
  /** mm */
  readonly voxel: Vector;
  readonly figures: Figures;
  /** PNG, for the contact sheet. */
  readonly thumbnail: Uint8Array;
}

const KINDS: Readonly<Record<Kind, string>> = {
  volume: 'a volume',
  series: 'a series',
  picture: 'a single slice',
};
const NO_HEAD = 'no head stands out';

/** Reads an image whole and measures it. @throws NF_NIFTI_*, NF_PATH_MISSING */
export async function measureImage(task: QualityTask): Promise<ImageQuality> {
  const image = await readNifti(task.file, { nanToZero: task.nanToZero });
  const kind = kindOf(image);
  const found = await outcomesOf(image, kind, task);
  const figures = Object.fromEntries(
    FIGURES.map((figure) => {
      const { name } = figure;
      return [
        name,
        isMeantFor(figure, kind)
          ? (found.figures[name] ?? because(NO_HEAD))
          : because(`not defined for ${KINDS[kind]}`),
      ];
    }),
  ) as Figures;
  const { shape, affine } = image;
  return { kind, shape, voxel: voxelSize(affine), figures, thumbnail: await thumbnailOf(found.shown) };
}

export function kindOf(image: Pick<NiftiImage, 'shape'>): Kind {
  if (volumesOf(image) > 1) return 'series';
  return image.shape.slice(0, 3).some((size) => size === 1) || image.shape.length < 3 ? 'picture' : 'volume';
}

/** Figures that are defined, and the volume to show. */
interface Found {
  readonly figures: Partial<Figures>;
  readonly shown: Scan;
}

async function outcomesOf(image: NiftiImage, kind: Kind, task: QualityTask): Promise<Found> {
  if (kind === 'series') return measureSeries(image, task);
  const scan = kind === 'volume' ? uprightOf(image) : flatOf(image);
  const head = kind === 'volume' ? findHead(scan) : await headOfSlice(scan);
  if (!head) return { figures: { efc: entropyFocus(scan.data) }, shown: scan };
  const subject = subjectOf(scan, head);
  const own = kind === 'volume' ? measureVolume(subject, task.suffix) : measurePicture(subject);
  return { figures: { ...measureAny(subject), ...own }, shown: scan };
}

function measurePicture(subject: Subject): Partial<Figures> {
  const { data, head, shape } = subject;
  const [width, height] = shape;
  return { snr: headSignal(subject), laplacian: laplacian(data, head, [width, height]) };
}

/** A single slice as its two axes lie in the file. */
function flatOf({ shape, data, affine }: NiftiImage): Scan {
  const sizes = AXES.map((axis) => shape[axis] ?? 1);
  const long = AXES.filter((axis) => (sizes[axis] ?? 1) > 1);
  const [first = 0, second = first === 1 ? 2 : 1] = long;
  const rest = AXES.find((axis) => axis !== first && axis !== second) ?? 2;
  const columnOf = (axis: Axis): Vector => [affine[0][axis], affine[1][axis], affine[2][axis]];
  const origin: Vector = [affine[0][3], affine[1][3], affine[2][3]];
  return {
    shape: [sizes[first] ?? 1, sizes[second] ?? 1, 1],
    data,
    affine: affineFromColumns([columnOf(first), columnOf(second), columnOf(rest)], origin),
  };
}

async function headOfSlice({ shape, data }: Scan): Promise<Uint8Array | undefined> {
  const window = findWindow(data);
  if (!window) return undefined;
  const span = window.white - window.black;
  const pixels = Uint8Array.from(data, (_, at) =>
    Math.min(255, Math.max(0, Math.round((255 * (f32At(data, at) - window.black)) / span))),
  );
  const { mask } = await headOfPicture({ width: shape[0], height: shape[1], pixels });
  return mask.cells;
}
