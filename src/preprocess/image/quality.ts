import { type GreyImage, histogram, percentile } from './grey-image.ts';

/** Figures of a picture as it came, to compare sources; in units of the file's samples. */
export interface Quality {
  readonly intensityMean: number;
  readonly intensityP99: number;
  /** Mean of the outer 4 pixels: MRI has dark air there, a page or a screenshot has not. */
  readonly frameMean: number;
  /** Mean absolute difference of horizontal neighbours, in every fourth row, over the mean intensity: low where blurred. */
  readonly sharpness: number;
}

const FRAME = 4;
const ROW_STEP = 4;

export function measureQuality(image: GreyImage): Quality {
  const counts = histogram(image.pixels);
  const sum = counts.reduce((total, count, value) => total + count * value, 0);
  const intensityMean = sum / image.pixels.length;
  return {
    intensityMean,
    intensityP99: percentile(counts, 0.99),
    frameMean: meanOfFrame(image),
    // A picture whose pixels are not all equal has a mean over zero.
    sharpness: meanStep(image) / intensityMean,
  };
}

function meanOfFrame({ width, height, pixels }: GreyImage): number {
  let sum = 0;
  let count = 0;
  for (let y = 0; y < height; y++) {
    const inside = y >= FRAME && y < height - FRAME;
    for (let x = 0; x < width; x++) {
      if (inside && x === FRAME) x = width - FRAME;
      sum += pixels[y * width + x] as number;
      count++;
    }
  }
  return sum / count;
}

function meanStep({ width, height, pixels }: GreyImage): number {
  let sum = 0;
  let rows = 0;
  for (let y = 0; y < height; y += ROW_STEP, rows++) {
    for (let at = y * width + 1; at < (y + 1) * width; at++) {
      sum += Math.abs((pixels[at] as number) - (pixels[at - 1] as number));
    }
  }
  return sum / (rows * (width - 1));
}
