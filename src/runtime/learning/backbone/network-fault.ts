import { flError, type NeuroflareError } from '../../base/errors/errors.ts';

/** NF_BACKBONE_FILE for the file of a pretrained network that cannot be used. */
export function networkFault(path: string, reason: string, cause?: unknown): NeuroflareError {
  return flError('NF_BACKBONE_FILE', { path, reason }, { place: { key: 'model.import' }, cause });
}
