import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import sharp from 'sharp';
import { onTestFinished } from 'vitest';
import type { GreyImage } from '../../../../src/preprocess/image/grey-image.ts';
import { createRandom } from '../../../../src/runtime/base/random.ts';
import { writeFiles } from '../../../support/write-files.ts';

/** A bright ellipse with blocks of random brightness in it on a dark ground: like a head as far as masks and correlations go. */
export function headPicture(seed: number, width = 48, height = 56): GreyImage {
  const random = createRandom('head', seed);
  const blocks = Array.from({ length: 64 }, () => 60 + 180 * random.next());
  const pixels = new Uint8Array(width * height);
  for (let at = 0; at < pixels.length; at++) {
    const x = (at % width) / width;
    const y = Math.floor(at / width) / height;
    if (((x - 0.5) / 0.36) ** 2 + ((y - 0.5) / 0.4) ** 2 > 1) continue;
    pixels[at] = blocks[Math.floor(y * 8) * 8 + Math.floor(x * 8)] ?? 0;
  }
  return { width, height, pixels };
}

/** sharp over the raw values of a picture. */
export function encoder({ width, height, pixels }: GreyImage) {
  return sharp(pixels, { raw: { width, height, channels: 1 } });
}

export function toPng(image: GreyImage): Promise<Buffer> {
  return encoder(image).toColourspace('b-w').png().toBuffer();
}

/** A folder that goes when the test is over. */
export async function makeFolder(): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), 'neuroflare-'));
  onTestFinished(() => rm(folder, { recursive: true, force: true }));
  return folder;
}

/** `count` different pictures for each class folder, `a (1).png` and so on. */
export async function makeSource(root: string, classes: Readonly<Record<string, number>>): Promise<void> {
  let seed = 1;
  for (const [folder, count] of Object.entries(classes)) {
    for (let number = 1; number <= count; number++) {
      const path = `${folder}/a (${number * 10}).png`;
      await writeFiles(root, { [path]: await toPng(headPicture(seed++)) });
    }
  }
}

/** Puts an animation control chunk behind the header. */
export function asAnimated(png: Buffer): Buffer {
  const chunk = Buffer.alloc(20);
  chunk.writeUInt32BE(8);
  chunk.write('acTL', 4);
  return Buffer.concat([png.subarray(0, 33), chunk, png.subarray(33)]);
}
