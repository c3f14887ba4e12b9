import { flError } from '../../../runtime/base/errors/errors.ts';
import { type Affine, AXES, column, inverseOf, length } from '../../nifti/affine.ts';
import { type Head, type Registration, register, type Template } from './register.ts';

/** Of the template's head that the image must show. */
const LEAST_OVERLAP = 0.5;
/** Heads of newborns and of large men differ by less. */
const MOST_STRETCH = 1.7;
/** Share of what the template's values could tell that the image's values do tell, at least. */
const LEAST_SHARE = 0.02;

/**
 * Registers a head to a template.
 * @param named in errors: the head's file, and the template
 * @throws NF_REGISTER_UNLIKE where the outcome cannot be right: it stretches more than heads differ, the image does not show
 *   what the template does, or says next to nothing about it
 */
export function toTemplate(
  head: Head,
  template: Template,
  named: { file: string; template: string },
): Registration {
  const registration = register(template, head);
  const reason = unlikeness(registration);
  if (reason === undefined) return registration;
  throw flError('NF_REGISTER_UNLIKE', { ...named, reason }, { place: { file: named.file } });
}

function unlikeness({ matrix, share, overlap }: Registration): string | undefined {
  const percent = (value: number) => `${(100 * value).toFixed(1)} %`;
  if (overlap < LEAST_OVERLAP) return `it shows ${percent(overlap)} of the template's head`;
  const stretch = Math.max(rms(matrix), rms(inverseOf(matrix)));
  if (!(stretch < MOST_STRETCH))
    return `it would have to be stretched or shrunk by a factor of ${stretch.toFixed(1)}`;
  if (share >= LEAST_SHARE) return undefined;
  return `its values tell ${percent(share)} of those of the template, where a head tells ${percent(LEAST_SHARE)} or more`;
}

/** Root mean square of the factors by which a motion stretches. */
function rms(matrix: Affine): number {
  return Math.hypot(...AXES.map((axis) => length(column(matrix, axis)))) / Math.sqrt(3);
}
