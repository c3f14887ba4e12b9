import { describe, expect, it } from 'vitest';
import type { GreyImage } from '../../../../src/preprocess/image/grey-image.ts';
import { cutOutHead, DOUBTFUL_LOSS, findHead } from '../../../../src/preprocess/image/head-mask.ts';
import {
  closeMask,
  connectedToBorder,
  fillHoles,
  largestComponent,
  openMask,
} from '../../../../src/preprocess/image/morphology.ts';
import { otsuOfCounts } from '../../../../src/preprocess/image/otsu.ts';
import { measureQuality } from '../../../../src/preprocess/image/quality.ts';
import { resize } from '../../../../src/preprocess/image/resize.ts';
import { headPicture } from './made-pictures.ts';

function mask(text: string) {
  const rows = text.trim().split(/\s+/);
  const cells = Uint8Array.from(rows.join(''), (cell) => (cell === '#' ? 1 : 0));
  return { width: rows[0]?.length ?? 0, height: rows.length, cells };
}

function show({ width, cells }: { width: number; cells: Uint8Array }): string {
  const text = [...cells].map((cell) => (cell === 1 ? '#' : '.')).join('');
  return (text.match(new RegExp(`.{${width}}`, 'g')) ?? []).join(' ');
}

describe('what a head mask leaves out', () => {
  const side = 200;
  const painted = (isBright: (x: number, y: number) => boolean): GreyImage => ({
    width: side,
    height: side,
    pixels: Uint8Array.from({ length: side * side }, (_, at) =>
      isBright(at % side, Math.floor(at / side)) ? 180 : 4,
    ),
  });
  const disc = (x: number, y: number, radius: number) => (px: number, py: number) =>
    Math.hypot(px - x, py - y) < radius;

  it('is nothing where the head is whole', async () => {
    const found = await findHead(painted(disc(100, 100, 70)));
    expect(found.found).toBe(true);
    expect(found.lost).toBeLessThan(0.01);
  });

  it('is the share of what is bright, where half of the head lies apart', async () => {
    const [one, other] = [disc(50, 100, 42), disc(152, 100, 38)];
    const found = await findHead(painted((x, y) => one(x, y) || other(x, y)));
    expect(found.lost).toBeCloseTo(38 ** 2 / (38 ** 2 + 42 ** 2), 1);
    expect(found.lost).toBeGreaterThan(DOUBTFUL_LOSS);
  });

  it('is not text beside the head', async () => {
    const found = await findHead(
      painted((x, y) => disc(100, 105, 65)(x, y) || (y > 8 && y < 12 && x % 6 < 2)),
    );
    expect(found.lost).toBeLessThan(DOUBTFUL_LOSS);
  });
});

describe('morphology', () => {
  it('keeps the largest part, by sides and not by corners', () => {
    expect(show(largestComponent(mask('##..# ##..# ..#.. .....')))).toBe('##... ##... ..... .....');
    expect(show(largestComponent(mask('... ...')))).toBe('... ...');
  });

  it('fills holes but not bays', () => {
    expect(show(fillHoles(mask('.###. .#.#. .###. .#.#.')))).toBe('.###. .###. .###. .#.#.');
  });

  it('closes gaps inside and opens bridges', () => {
    expect(show(closeMask(mask('##.## ##.## ##.##'), 1))).toBe('##.## ##### ##.##');
    expect(show(openMask(mask('###...### ######### ###...###'), 1))).toBe('###...### ####.#### ###...###');
  });

  it('finds what touches the border', () => {
    expect(show(connectedToBorder(mask('#.... #.##. ..##. .....')))).toBe('#.... #.... ..... .....');
  });
});

describe('otsuOfCounts', () => {
  it('parts two heaps of values', () => {
    const counts = new Uint32Array(256);
    counts.fill(10, 10, 30).fill(5, 150, 200);
    const threshold = otsuOfCounts(counts);
    expect(threshold).toBeGreaterThanOrEqual(29);
    expect(threshold).toBeLessThan(150);
  });
});

describe('findHead', () => {
  const inEllipse = (image: GreyImage, cells: Uint8Array) =>
    cells.filter((cell, at) => cell === ((image.pixels[at] ?? 0) >= 40 ? 1 : 0)).length / cells.length;

  it('finds the bright ellipse to a few percent', async () => {
    const image = headPicture(1, 160, 180);
    const head = await findHead(image);
    expect(head.found).toBe(true);
    expect(inEllipse(image, head.mask.cells)).toBeGreaterThan(0.97);
  });

  it('leaves out a label in the corner', async () => {
    const image = headPicture(2, 160, 180);
    for (let y = 4; y < 12; y++) image.pixels.fill(255, y * 160 + 4, y * 160 + 24);
    const head = await findHead(image);
    expect(head.mask.cells[6 * 160 + 10]).toBe(0);
  });

  it('takes a bright page around the picture away', async () => {
    const image = headPicture(3, 160, 180);
    const framed = { ...image, pixels: image.pixels.slice() };
    for (let at = 0; at < framed.pixels.length; at++) {
      const [x, y] = [at % 160, Math.floor(at / 160)];
      if (Math.min(x, y, 159 - x, 179 - y) < 10) framed.pixels[at] = 250;
    }
    const head = await findHead(framed);
    expect(head.found).toBe(true);
    expect(inEllipse(image, head.mask.cells)).toBeGreaterThan(0.95);
  });

  it('says so when there is no head', async () => {
    const pixels = new Uint8Array(100 * 100);
    pixels.fill(200, 5050, 5054);
    const head = await findHead({ width: 100, height: 100, pixels });
    expect(head.found).toBe(false);
    expect(cutOutHead({ width: 100, height: 100, pixels }, head, 0.06)).toMatchObject({
      width: 100,
      height: 100,
    });
  });
});

describe('cutOutHead', () => {
  it('crops with a margin, clears the outside and scales to the 99th percentile', async () => {
    const image = headPicture(1, 160, 180);
    image.pixels[0] = 255;
    const cut = cutOutHead(image, await findHead(image), 0.06);
    expect(cut.width).toBeLessThan(image.width);
    expect(cut.pixels.slice(0, cut.width * 5).every((value) => value === 0)).toBe(true);
    expect(Math.max(...cut.pixels)).toBe(255);
  });

  it('keeps 16 bits', async () => {
    const image = headPicture(1, 160, 180);
    const deep = { ...image, pixels: Uint16Array.from(image.pixels, (value) => value * 16) };
    const cut = cutOutHead(deep, await findHead(deep), 0.06);
    expect(cut.pixels).toBeInstanceOf(Uint16Array);
    expect(Math.max(...cut.pixels)).toBe(65535);
  });
});

describe('resize', () => {
  it('letterboxes without touching the padding, in 8 and 16 bits', async () => {
    for (const pixels of [new Uint8Array(800).fill(200), new Uint16Array(800).fill(40000)]) {
      const boxed = await resize(
        { width: 40, height: 20, pixels },
        { width: 32, height: 32, fit: 'letterbox' },
      );
      expect(boxed.pixels.slice(0, 32 * 8).every((value) => value === 0)).toBe(true);
      expect((boxed.pixels[16 * 32 + 16] ?? 0) / (pixels[0] ?? 1)).toBeCloseTo(1, 2);
    }
  });
});

describe('measureQuality', () => {
  it('gives mean, frame and sharpness', () => {
    const pixels = new Uint8Array(400).fill(10);
    for (let y = 4; y < 16; y++) pixels.fill(110, y * 20 + 4, y * 20 + 16);
    const quality = measureQuality({ width: 20, height: 20, pixels });
    expect(quality.frameMean).toBe(10);
    expect(quality.intensityMean).toBe(46);
    expect(quality.intensityP99).toBe(110);
    expect(quality.sharpness).toBeCloseTo((2 * 100 * 12) / (20 * 19) / 46, 10);
  });
});
