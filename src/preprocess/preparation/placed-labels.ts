import { flError } from '../../runtime/base/errors/errors.ts';
import type { Placement } from './follow-pipeline.ts';
import { moved } from './registration/move.ts';
import type { Scan } from './scan.ts';

const LARGEST_BYTE = 255;
const LARGEST_LABEL = 2 ** 15 - 1;

/**
 * A mask or segmentation on the grid of a prepared image: each voxel has the label of the nearest one, so that no label is made that was not there.
 * @throws NF_PREPARE_LABELS for values that are no labels
 */
export function placedLabels(mask: Scan, { grid, matrix }: Placement, file: string): Uint8Array | Int16Array {
  const fault = (problem: string) => flError('NF_PREPARE_LABELS', { file, problem }, { place: { file } });
  const wrong = mask.data.find((value) => !Number.isInteger(value) || value < 0 || value > LARGEST_LABEL);
  if (wrong !== undefined) throw fault(`holds ${wrong}; labels are whole numbers from 0 to ${LARGEST_LABEL}`);
  const { data } = moved(mask, matrix, { grid, interpolation: 'nearest' });
  const largest = data.reduce((most, value) => Math.max(most, value), 0);
  return largest > LARGEST_BYTE ? Int16Array.from(data) : Uint8Array.from(data);
}
