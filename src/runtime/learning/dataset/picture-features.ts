import { f32At } from '../../base/at.ts';

/** Blocks along a side. */
const BLOCKS = 4;
/** Share of the side that is its frame. */
const FRAME = 1 / 16;
/** On the scale of a standardised picture: darker is background, brighter is bright tissue. */
const DARK = -1;
const BRIGHT = 1.5;
/** Keeps logarithms finite. */
const LEAST = 1e-3;

/** Numbers that describe a picture: means of 4 x 4 blocks, frame, shares of dark and bright, changes across and down, and the Laplacian. */
export const FEATURES = BLOCKS * BLOCKS + 6;

/**
 * What a picture looks like, in few numbers that no picture can be made from: for telling whether it is like others.
 * @param picture [side, side, channels], as the network is given it; of several channels the mean is described
 */
export function pictureFeatures(picture: Float32Array, side: number): Float64Array {
  const channels = picture.length / (side * side);
  const grey = Float32Array.from({ length: side * side }, (_, at) => {
    let sum = 0;
    for (let channel = 0; channel < channels; channel++) sum += f32At(picture, at * channels + channel);
    return sum / channels;
  });
  const features = new Float64Array(FEATURES);
  const counts = new Float64Array(BLOCKS * BLOCKS);
  const border = Math.max(1, Math.round(side * FRAME));
  const sums = { frame: 0, frames: 0, dark: 0, bright: 0, across: 0, down: 0, bend: 0 };
  for (let y = 0; y < side; y++)
    for (let x = 0; x < side; x++) {
      const at = y * side + x;
      const value = f32At(grey, at);
      const block = Math.floor((y * BLOCKS) / side) * BLOCKS + Math.floor((x * BLOCKS) / side);
      features[block] = (features[block] ?? 0) + value;
      counts[block] = (counts[block] ?? 0) + 1;
      if (Math.min(x, y, side - 1 - x, side - 1 - y) < border) {
        sums.frame += value;
        sums.frames++;
      }
      if (value < DARK) sums.dark++;
      if (value > BRIGHT) sums.bright++;
      if (x > 0) sums.across += Math.abs(value - f32At(grey, at - 1));
      if (y > 0) sums.down += Math.abs(value - f32At(grey, at - side));
      if (x > 0 && y > 0 && x < side - 1 && y < side - 1)
        sums.bend += Math.abs(
          f32At(grey, at - 1) +
            f32At(grey, at + 1) +
            f32At(grey, at - side) +
            f32At(grey, at + side) -
            4 * value,
        );
    }
  const all = side * side;
  const rest = [
    sums.frame / sums.frames,
    Math.sqrt(sums.dark / all),
    Math.sqrt(sums.bright / all),
    Math.log(sums.across / all + LEAST),
    Math.log(sums.down / all + LEAST),
    Math.log(sums.bend / all + LEAST),
  ];
  for (let block = 0; block < BLOCKS * BLOCKS; block++)
    features[block] = (features[block] ?? 0) / (counts[block] ?? 1);
  features.set(rest, BLOCKS * BLOCKS);
  return features;
}
