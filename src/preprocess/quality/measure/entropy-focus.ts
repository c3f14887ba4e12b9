import { f32At } from '../../../runtime/base/at.ts';
import { because, type Outcome } from '../outcome.ts';

/**
 * Entropy focus criterion over all voxels (Atkinson et al. 1997), over its maximum as MRIQC has it: 0 for one bright voxel, 1 for an even
 * image.
 */
export function entropyFocus(data: Float32Array): Outcome {
  const count = data.length;
  let energy = 0;
  for (let at = 0; at < count; at++) {
    const value = f32At(data, at);
    if (value < 0) return because('the image has values below 0: it was normalised before');
    energy += value * value;
  }
  if (energy === 0 || count < 2) return because('the image is black');
  const most = Math.sqrt(energy);
  let entropy = 0;
  for (let at = 0; at < count; at++) {
    const share = f32At(data, at) / most;
    if (share > 0) entropy += share * Math.log(share);
  }
  return entropy / (Math.sqrt(count) * Math.log(1 / Math.sqrt(count)));
}
