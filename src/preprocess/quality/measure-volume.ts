import { f32At, i32At } from '../../runtime/base/at.ts';
import { sortFloats } from '../picture/sort-floats.ts';
import { estimateBiasField } from '../preparation/bias-field/bias-field.ts';
import { valuesIn } from '../preparation/crop.ts';
import { dietrich, NO_AIR } from './measure/air.ts';
import { innerHead } from './measure/inner-head.ts';
import { percentileOfSorted } from './measure/spread.ts';
import { type Tissue, type Tissues, tissuesOf } from './measure/tissues.ts';
import { because, type Outcome } from './outcome.ts';
import type { Figures, Subject } from './subject.ts';

const NOT_POSITIVE = 'most voxels of the head are not above 0: the image was normalised before';

/** Bias field, and what is known of tissues once it is taken out. */
export function measureVolume(subject: Subject, suffix: string): Partial<Figures> {
  const { head, inside } = subject;
  const positive = inside.reduce((count, value) => count + (value > 0 ? 1 : 0), 0);
  if (2 * positive < inside.length) {
    const none = because(NOT_POSITIVE);
    return { inu_range: none, inu_med: none, snr: none, snrd: none, cnr: none, cjv: none };
  }
  const field = estimateBiasField(subject, head);
  const sorted = sortFloats(valuesIn(field, head));
  return {
    inu_range: percentileOfSorted(sorted, 0.95) - percentileOfSorted(sorted, 0.05),
    inu_med: percentileOfSorted(sorted, 0.5),
    ...contrasts(subject, { field, suffix }),
  };
}

function contrasts(
  { data, head, shape, affine, air }: Subject,
  { field, suffix }: { field: Float32Array; suffix: string },
): Partial<Figures> {
  const inner = innerHead(head, shape, affine);
  const values = Float32Array.from(inner, (_, at) => {
    const voxel = i32At(inner, at);
    return f32At(data, voxel) / f32At(field, voxel);
  });
  const tissues = tissuesOf(values, suffix);
  if ('because' in tissues) return { snr: tissues, snrd: tissues, cnr: tissues, cjv: tissues };
  const { grey, white } = tissues;
  const gap = Math.abs(white.mean - grey.mean);
  return {
    snr: meanOver(tissues, ({ mean, deviation }) => mean / deviation),
    snrd: meanOver(tissues, ({ mean }) => dietrich(mean, air)),
    cnr: contrastToNoise(gap, { tissues, air }),
    cjv: (white.deviation + grey.deviation) / gap,
  };
}

function contrastToNoise(
  gap: number,
  { tissues: { grey, white }, air }: { tissues: Tissues; air: Subject['air'] },
): Outcome {
  if ('because' in air) return air;
  const { noise } = air;
  return noise > 0
    ? gap / Math.sqrt(noise ** 2 + grey.deviation ** 2 + white.deviation ** 2)
    : because(NO_AIR);
}

/** MRIQC's `_total` over the three tissues. */
function meanOver({ csf, grey, white }: Tissues, figure: (tissue: Tissue) => Outcome): Outcome {
  const all = [csf, grey, white].map(figure);
  const none = all.find((one) => typeof one !== 'number');
  return none ?? all.reduce<number>((sum, one) => sum + (one as number) / all.length, 0);
}
