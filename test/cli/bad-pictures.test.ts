import { mkdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import sharp from 'sharp';
import { beforeAll, describe, expect, it } from 'vitest';
import { runJson } from '../support/one-process.ts';
import { refusalsIn } from '../support/refusals.ts';
import { tempFolder } from '../support/temp-folder.ts';
import {
  asAnimated,
  encoder,
  headPicture,
  makeSource,
  toPng,
} from '../unit/preprocess/image/made-pictures.ts';

const cwd = tempFolder();
const at = (...path: string[]) => join(cwd, ...path);
const { refused } = refusalsIn(cwd);

const head = headPicture(1, 200, 200);
const jpeg = () => encoder(head).jpeg().toBuffer();
const png = () => toPng(head);
const grey = (width: number, height: number) => toPng(headPicture(3, width, height));
/** The same pixels in each of three channels, but for the first. */
const rgb = () => {
  const pixels = Uint8Array.from(
    { length: head.pixels.length * 3 },
    (_, to) => head.pixels[Math.floor(to / 3)] ?? 0,
  );
  pixels.set([255, 0, 0]);
  return sharp(pixels, { raw: { width: head.width, height: head.height, channels: 3 } });
};
const sized = async (width: number, height: number) => {
  const bytes = await png();
  bytes.writeUInt32BE(width, 16);
  bytes.writeUInt32BE(height, 20);
  return bytes;
};
const half = (bytes: Buffer) => bytes.subarray(0, bytes.length >> 1);

/** A file among sound ones, what is said of it, and how it is named. */
const BAD: readonly (readonly [
  what: string,
  name: string,
  fault: string,
  make: () => Promise<Uint8Array>,
])[] = [
  ['no byte', 'zero.jpg', 'empty_file', async () => Buffer.alloc(0)],
  ['half a JPEG', 'cut.jpg', 'undecodable', async () => half(await jpeg())],
  ['half a PNG', 'cut.png', 'undecodable', async () => half(await png())],
  ['text', 'text.jpg', 'not_an_image', async () => Buffer.from('not a picture')],
  ['CMYK', 'cmyk.jpg', 'cmyk', () => encoder(head).toColourspace('cmyk').jpeg().toBuffer()],
  ['see-through pixels', 'alpha.png', 'transparent', () => encoder(head).ensureAlpha(0.5).png().toBuffer()],
  ['frames that move', 'moving.png', 'animated', async () => asAnimated(await png())],
  ['GIF', 'gif.jpg', 'format_not_allowed', () => encoder(head).gif().toBuffer()],
  ['WebP', 'webp.jpg', 'format_not_allowed', () => encoder(head).webp().toBuffer()],
  ['TIFF', 'tiff.png', 'format_not_allowed', () => encoder(head).tiff().toBuffer()],
  [
    'SVG',
    'svg.png',
    'format_not_allowed',
    async () => Buffer.from('<svg xmlns="http://www.w3.org/2000/svg"/>'),
  ],
  [
    'DICOM',
    'dicom.jpg',
    'format_not_allowed',
    async () => Buffer.from(`${'\0'.repeat(128)}DICM${'\0'.repeat(99)}`),
  ],
  ['PDF', 'pdf.jpg', 'format_not_allowed', async () => Buffer.from('%PDF-1.7\n')],
  ['gzip', 'gz.jpg', 'format_not_allowed', async () => Buffer.from([0x1f, 0x8b, 8, 0, 0, 0, 0, 0])],
  ['1 x 1 pixels', 'dot.png', 'too_small', () => grey(1, 1)],
  ['15 rows', 'low.png', 'too_small', () => grey(40, 15)],
  ['40000 x 16 pixels', 'long.png', 'too_large', () => grey(40_000, 16)],
  ['a header of 65500 x 16 pixels', 'longer.png', 'too_large', () => sized(65_500, 16)],
  ['a header of 256 megapixels', 'giant.png', 'too_large', () => sized(16_000, 16_000)],
  [
    'one value only',
    'blank.png',
    'blank',
    () => toPng({ width: 40, height: 40, pixels: new Uint8Array(1600).fill(9) }),
  ],
];

describe('preprocess bids on a file that is', () => {
  let listed = '';

  beforeAll(async () => {
    await makeSource(at('bad'), { glioma_tumor: 2, no_tumor: 2 });
    for (const [, name, , make] of BAD) await writeFile(at('bad', 'no_tumor', name), await make());
    const says = `${BAD.length} of ${BAD.length + 4}`;
    const place = { file: 'bad/no_tumor/alpha.png' };
    const answer = await refused({
      what: '',
      words: 'preprocess bids bad out',
      code: 'NF_BIDS_BAD_IMAGES',
      says,
      place,
    });
    listed = String(answer.location?.excerpt);
  });

  it.each(BAD)('%s: %s is %s', (_, name, fault) => {
    const line = listed.split('\n').find((one) => one.startsWith(`no_tumor/${name}: `));
    expect(line).toMatch(new RegExp(`^no_tumor/${name}: ${fault}, \\S.{5,}`));
  });

  it('bad finds that check finds it, too, and writes nothing', async () => {
    const { answer } = await runJson(['preprocess', 'check', 'bad'], { cwd });
    const { findings } = answer.data as {
      findings: { code: string; place: { file: string }; hint: string }[];
    };
    const images = findings.filter(({ code }) => code === 'NF_CHECK_IMAGE');
    expect(answer.exit_code).toBe(1);
    expect(images.map(({ place }) => place.file.split('/').at(-1)).sort()).toEqual(
      BAD.map(([, name]) => name).sort(),
    );
  });
});

/** Odd, and to be taken. */
const ODD: readonly (readonly [what: string, name: string, make: () => Promise<Uint8Array>])[] = [
  [
    '16 bits',
    'deep.png',
    () =>
      encoder({ ...head, pixels: Uint16Array.from(head.pixels, (value) => value * 200) })
        .toColourspace('grey16')
        .png()
        .toBuffer(),
  ],
  ['a palette', 'palette.png', () => encoder(head).png({ palette: true }).toBuffer()],
  ['opaque alpha', 'opaque.png', () => rgb().ensureAlpha().png().toBuffer()],
  ['a progressive JPEG', 'progressive.jpg', () => encoder(head).jpeg({ progressive: true }).toBuffer()],
  ['a colour profile', 'profile.jpg', () => rgb().withIccProfile('p3').jpeg().toBuffer()],
  ['colours', 'colour.png', () => rgb().png().toBuffer()],
  ...[2, 3, 4, 5, 6, 7, 8].map(
    (orientation) =>
      [
        `orientation ${orientation}`,
        `turned-${orientation}.jpg`,
        () =>
          encoder(headPicture(20 + orientation))
            .withMetadata({ orientation })
            .jpeg()
            .toBuffer(),
      ] as const,
  ),
  ['a JPEG named .png', 'jpeg.png', jpeg],
  ['a name with a line break', 'line\nbreak (1).png', () => toPng(headPicture(40))],
  ['a name with ..', 'a..b.png', () => toPng(headPicture(41))],
  ['a composed letter', '\u00fc.png', () => toPng(headPicture(42))],
  ['the same letter decomposed', 'u\u0308.png', () => toPng(headPicture(43))],
  ['255 bytes of name', `${'n'.repeat(251)}.png`, () => toPng(headPicture(44))],
  ['a name in capitals', 'CASE.png', () => toPng(headPicture(45))],
  ['the same name in small letters', 'case.png', () => toPng(headPicture(46))],
  ['no ending', 'noending', () => toPng(headPicture(47))],
];

it('takes what is odd and right, and gives the same bytes again', async () => {
  await makeSource(at('odd'), { glioma_tumor: 2, no_tumor: 2 });
  for (const [, name, make] of ODD) await writeFile(at('odd', 'no_tumor', name), await make());
  const table = async (target: string) => {
    const { answer } = await runJson(['preprocess', 'bids', 'odd', target], { cwd });
    expect(answer).toMatchObject({ exit_code: 0 });
    return readFile(at(target, 'participants.tsv'), 'utf8');
  };
  const first = await table('one');
  expect(first.trimEnd().split('\n')).toHaveLength(1 + 4 + ODD.length);
  expect(await table('two')).toBe(first);
});

it('says of a picture under two labels that one of them is wrong', async () => {
  await makeSource(at('doubled'), { glioma_tumor: 2, no_tumor: 2 });
  await writeFile(
    at('doubled', 'no_tumor', 'same.png'),
    await readFile(at('doubled', 'glioma_tumor', 'a (10).png')),
  );
  const { answer } = await runJson(['preprocess', 'bids', 'doubled', 'marked'], { cwd });
  expect(answer).toMatchObject({ exit_code: 0, data: { set_aside: { label_conflict: 2 } } });
});

it('tells of a class without images, and of one image only', async () => {
  await makeSource(at('hollow'), { glioma_tumor: 2 });
  await mkdir(at('hollow', 'no_tumor'));
  await refused({
    what: '',
    words: 'preprocess bids hollow out',
    code: 'NF_BIDS_CLASS_EMPTY',
    says: 'no_tumor',
    place: { file: 'hollow/no_tumor' },
  });
  await makeSource(at('single'), { glioma_tumor: 1 });
  await refused({
    what: '',
    words: 'preprocess bids single out',
    code: 'NF_BIDS_ONE_CLASS',
    says: 'glioma',
    place: { file: 'single' },
  });
});
