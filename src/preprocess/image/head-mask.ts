import sharp from 'sharp';
import { u8At } from '../../runtime/base/at.ts';
import { fullScale, type GreyImage, histogram, percentile, samePixels } from './grey-image.ts';
import {
  closeMask,
  connectedToBorder,
  fillHoles,
  largestComponent,
  type Mask,
  openMask,
} from './morphology.ts';
import { otsuOfCounts } from './otsu.ts';
import { resize } from './resize.ts';

/**
 * Where the head is, by a heuristic: Otsu's threshold on a blurred copy, the largest part, closed and filled. It is a head
 * mask and not a brain mask: skull, skin and neck are inside.
 */
export interface HeadMask {
  /** Of the picture's size, 1 inside. */
  readonly mask: Mask;
  /** Share of the picture inside, 0 to 1. */
  readonly share: number;
  /** False when what was found is implausibly small or leaves nothing outside; the mask then is the whole picture. */
  readonly found: boolean;
  /** Share of what is as bright as tissue and lies outside, 0 to 1: high where the mask may cut the head. 0 where none was found. */
  readonly lost: number;
}

/** A mask that leaves out more than this share of what is bright may have cut the head. */
export const DOUBTFUL_LOSS = 0.08;

/** The longer side of the copy that the mask is found on, in pixels. */
const WORKING_SIDE = 256;
const BLUR_SIGMA = 1.5;
/** Radii on that copy: what is thinner than twice the first goes, gaps narrower than twice the second and third close. */
const OPEN_RADIUS = 2;
/** Bridges the dark skull between brain and scalp before the largest part is chosen. */
const JOIN_RADIUS = 5;
const CLOSE_RADIUS = 12;
const SMALLEST_SHARE = 0.1;
const LARGEST_SHARE = 0.99;
/** Tissue is over this share of Otsu's threshold, and over the air at the frame by this factor and these grey levels. */
const TISSUE_SHARE = 0.5;
const AIR_FACTOR = 1.5;
const AIR_OFFSET = 8;
/** Air is looked for at the edge and a little inside, because some pictures have a line around them. */
const AIR_RINGS = [0, 5];
/** A page around the picture: this share of the frame lies within this spread of its median. */
const PAGE_EVEN = 0.6;
const PAGE_SPREAD = 0.1;

export async function findHead(image: GreyImage): Promise<HeadMask> {
  const copy = await workingCopy(image);
  const dark = withoutBrightPage(copy, otsuOfCounts(histogram(copy.pixels)));
  const bright = toMask(dark, headThreshold(dark));
  const opened = openMask(bright, OPEN_RADIUS);
  const joined = closeMask(opened, JOIN_RADIUS);
  const head = fillHoles(closeMask(largestComponent(joined), CLOSE_RADIUS));
  const share = mean(head.cells);
  const found = share >= SMALLEST_SHARE && share <= LARGEST_SHARE;
  const { width, height } = image;
  if (!found)
    return { mask: { width, height, cells: new Uint8Array(width * height).fill(1) }, share, found, lost: 0 };
  const white = { ...head, pixels: head.cells.map((cell) => cell * 255) };
  const mask = toMask(await resize(white, { width, height, fit: 'stretch' }), 128);
  return { mask, share: mean(mask.cells), found, lost: shareOutside(opened, head) };
}

/**
 * Crops to the mask with a margin, sets what lies outside the mask to zero and scales so that the 99th percentile inside is
 * full scale. A picture without a head that was found is scaled but keeps its frame.
 * @param margin share of the longer side of the head, added on each side
 */
export function cutOutHead(image: GreyImage, head: HeadMask, margin: number): GreyImage {
  const box = boundingBox(head.mask);
  const top = insidePercentile(image, head.mask);
  const border = head.found ? Math.round(margin * Math.max(box.width, box.height)) : 0;
  const width = box.width + 2 * border;
  const height = box.height + 2 * border;
  const pixels = samePixels(image.pixels, width * height);
  const full = fullScale(pixels);
  for (let y = 0; y < box.height; y++) {
    const from = (box.y + y) * image.width + box.x;
    const to = (y + border) * width + border;
    for (let x = 0; x < box.width; x++) {
      if (head.mask.cells[from + x] === 0) continue;
      const value = image.pixels[from + x] as number;
      pixels[to + x] = Math.min(full, Math.round((value * full) / top));
    }
  }
  return { width, height, pixels };
}

/**
 * Otsu's threshold parts bright skin from the rest where skin is very bright; half of it parts tissue from air, provided
 * that the air, seen at the frame, is darker.
 */
function headThreshold(copy: GreyImage): number {
  const otsu = otsuOfCounts(histogram(copy.pixels)) + 1;
  const air = Math.min(...AIR_RINGS.map((inset) => quantileOf(ring(copy, inset), 0.25)));
  return Math.max(TISSUE_SHARE * otsu, Math.min(otsu, AIR_FACTOR * air + AIR_OFFSET));
}

/** At most `WORKING_SIDE` long, 8-bit, blurred; its brightest percent is clipped. */
async function workingCopy(image: GreyImage): Promise<GreyImage> {
  const scale = Math.min(1, WORKING_SIDE / Math.max(image.width, image.height));
  const width = Math.max(1, Math.round(image.width * scale));
  const height = Math.max(1, Math.round(image.height * scale));
  const { pixels } = await resize(image, { width, height, fit: 'stretch' });
  const top = Math.max(1, percentile(histogram(pixels), 0.99));
  const bytes = new Uint8Array(pixels.length);
  for (let at = 0; at < bytes.length; at++) bytes[at] = Math.min(255, ((pixels[at] as number) * 255) / top);
  const blurred = await sharp(bytes, { raw: { width, height, channels: 1 } })
    .blur(BLUR_SIGMA)
    .toColourspace('b-w')
    .raw()
    .toBuffer();
  return { width, height, pixels: Uint8Array.from(blurred) };
}

/**
 * Scans of printed pages have a bright, even surround; it is set to zero. A head that fills the picture touches the
 * frame, too, but unevenly.
 */
function withoutBrightPage(copy: GreyImage, threshold: number): GreyImage {
  const frame = ring(copy, 0);
  const level = quantileOf(frame, 0.5);
  const even = frame.filter((value) => Math.abs(value - level) <= PAGE_SPREAD * level).length;
  if (level <= threshold || even < PAGE_EVEN * frame.length) return copy;
  const page = connectedToBorder(toMask(copy, Math.max(threshold + 1, (1 - PAGE_SPREAD) * level)));
  const pixels = copy.pixels.slice();
  for (let at = 0; at < pixels.length; at++) if (page.cells[at] === 1) pixels[at] = 0;
  return { ...copy, pixels };
}

/** The values on the rectangle that lies `inset` pixels inside the edge. */
function ring({ width, height, pixels }: GreyImage, inset: number): number[] {
  const values: number[] = [];
  for (let y = inset; y < height - inset; y++) {
    const edge = y === inset || y === height - inset - 1;
    const step = edge ? 1 : Math.max(1, width - 2 * inset - 1);
    for (let x = inset; x < width - inset; x += step) values.push(pixels[y * width + x] as number);
  }
  return values;
}

function quantileOf(values: readonly number[], share: number): number {
  const sorted = values.toSorted((a, b) => a - b);
  return sorted[Math.floor(share * sorted.length)] ?? 0;
}

function toMask({ width, height, pixels }: GreyImage, lowest: number): Mask {
  const cells = new Uint8Array(pixels.length);
  for (let at = 0; at < cells.length; at++) cells[at] = (pixels[at] as number) >= lowest ? 1 : 0;
  return { width, height, cells };
}

/** Share of the first mask that the second leaves out. */
function shareOutside({ cells }: Mask, { cells: head }: Mask): number {
  let [all, outside] = [0, 0];
  for (let at = 0; at < cells.length; at++) {
    all += u8At(cells, at);
    outside += u8At(cells, at) & (1 - u8At(head, at));
  }
  return all === 0 ? 0 : outside / all;
}

function mean(cells: Uint8Array): number {
  let sum = 0;
  for (let at = 0; at < cells.length; at++) sum += u8At(cells, at);
  return sum / cells.length;
}

function insidePercentile({ pixels }: GreyImage, { cells }: Mask): number {
  const inside = samePixels(pixels, cells.length);
  let count = 0;
  for (let at = 0; at < cells.length; at++) if (cells[at] === 1) inside[count++] = pixels[at] as number;
  return Math.max(1, percentile(histogram(inside.subarray(0, count)), 0.99));
}

interface Box {
  readonly x: number;
  readonly y: number;
  readonly width: number;
  readonly height: number;
}

function boundingBox({ width, height, cells }: Mask): Box {
  let [left, right, top, bottom] = [width, -1, height, -1];
  for (let y = 0; y < height; y++) {
    const row = cells.subarray(y * width, (y + 1) * width);
    const first = row.indexOf(1);
    if (first === -1) continue;
    left = Math.min(left, first);
    right = Math.max(right, row.lastIndexOf(1));
    top = Math.min(top, y);
    bottom = y;
  }
  return { x: left, y: top, width: right - left + 1, height: bottom - top + 1 };
}
