import { createHash } from 'node:crypto';
import type { PictureHarmony } from '../../../preprocess/picture/harmonise.ts';
import { arrange } from '../../../preprocess/picture/montage.ts';
import type { Picture } from '../../../preprocess/picture/picture-cache.ts';
import { type PictureOptions, readChannels } from '../../../preprocess/picture/pictures.ts';
import { f32At, u8At } from '../../base/at.ts';
import { flError } from '../../base/errors/errors.ts';
import { createRandom, deriveSeed } from '../../base/random.ts';
import { FeatureSet } from '../backbone/feature-set.ts';
import { requireChannels } from '../models/spec.ts';
import type { Metrics } from '../trainer/confusion.ts';
import { scoreSubjects } from '../trainer/score.ts';
import { type AugmentOptions, augment } from './augment.ts';
import type {
  Batch,
  BatchOptions,
  ExampleSet,
  FrozenView,
  ModelForm,
  PredictExamples,
} from './example-set.ts';
import { countLabels, type Draw, drawsOf, type Sampling } from './order.ts';

/** One person: images, and the index of the class. */
export interface Subject {
  readonly id: string;
  /** Who must stay together, a patient with several ids. */
  readonly group: string;
  /** Who counts once where people are counted. */
  readonly person: string;
  readonly label: number;
  /** One a session or image; of each as many files as there are channels. */
  readonly examples: readonly (readonly string[])[];
  /** What takes the scanner of the site out of them. */
  readonly harmony?: PictureHarmony | undefined;
}

export interface PictureBatches extends BatchOptions {
  /** Left and right exchanged in every picture; default false. */
  readonly mirror?: boolean;
}

export interface ImageSetOptions extends PictureOptions {
  readonly classes: readonly string[];
  /** Images that make one example. */
  readonly channels: number;
  readonly batchSize: number;
  /** For training; undefined leaves the pictures as they are. */
  readonly augment: AugmentOptions | undefined;
  /** Which pictures an epoch of training has. Default: each of them once. */
  readonly sampling?: Sampling;
  /** Whether a prediction is the mean of those for a picture and for its mirror image. */
  readonly mirror: boolean;
}

export interface Example {
  readonly subject: number;
  /** One file a channel. */
  readonly paths: readonly string[];
  /** Which of each file's pictures: one, or those of a montage. */
  readonly first: number;
  readonly count: number;
}

/** How pictures are shown: `seed` for one of many ways, else as they are. */
export interface Look {
  readonly seed: number | undefined;
  readonly mirror: boolean;
}

/** A picture as it is shown once. */
export interface Row {
  /** Its place among the pictures. */
  readonly example: number;
  /** Of its changes. */
  readonly seed: number;
}

/** Planes of an example, one behind the other: of a cube as many as its side has pixels, of a picture one. */
export function planesOf({ layout, imageSize }: Pick<PictureOptions, 'layout' | 'imageSize'>): number {
  return layout === 'volume' ? imageSize : 1;
}

/** One part of a site's data (train, validation or test): pictures of subjects, in batches. */
export class ImageSet implements ExampleSet<Metrics> {
  readonly subjects: readonly Subject[];
  readonly options: ImageSetOptions;
  readonly #examples: readonly Example[];

  constructor(subjects: readonly Subject[], examples: readonly Example[], options: ImageSetOptions) {
    this.subjects = subjects;
    this.options = options;
    this.#examples = examples;
  }

  /** Pictures: what one epoch shows. */
  get size(): number {
    return this.#examples.length;
  }

  get classes(): readonly string[] {
    return this.options.classes;
  }

  /** Subjects of each class. */
  get counts(): Readonly<Record<string, number>> {
    const count = (label: number) => this.subjects.filter((subject) => subject.label === label).length;
    return Object.fromEntries(this.classes.map((name, label) => [name, count(label)]));
  }

  /** The pictures of each group of people, by their places. */
  get groups(): readonly (readonly number[])[] {
    const places = this.#examples.map((_, index) => index);
    const groupAt = (place: number) => this.subjects[this.#examples[place]?.subject ?? 0]?.group;
    return [...Map.groupBy(places, groupAt).values()];
  }

  /** These pictures, each changed by its seed. */
  show(rows: readonly Row[]): Promise<Batch> {
    return this.#assemble(
      rows.map(({ example }) => example),
      { seedAt: (row) => rows[row]?.seed, mirror: false },
    );
  }

  /** Pictures of each class. */
  get classCounts(): readonly number[] {
    return countLabels(this.labels, this.classes.length);
  }

  /** Class of each picture. */
  get labels(): readonly number[] {
    return this.#examples.map(({ subject }) => this.subjects[subject]?.label ?? 0);
  }

  /** As many pictures as there are, of a seed those that `sampling` draws; the last batch may be smaller. */
  async *batches({ batchSize, seed, mirror = false }: PictureBatches): AsyncGenerator<Batch> {
    const order = drawsOf(this.labels, { seed, sampling: this.options.sampling });
    for (let start = 0; start < order.length; start += batchSize) {
      const draws = order.slice(start, start + batchSize);
      const seedAt = (row: number) => (seed === undefined ? undefined : seedOf(seed, draws[row]));
      yield this.#assemble(
        draws.map(({ index }) => index),
        { seedAt, mirror },
      );
    }
  }

  requireFit({ name, input, output, names }: ModelForm): void {
    const { imageSize, channels, classes, layout } = this.options;
    const [side, depth] = [input[0], input.at(-1)];
    const isEven = input.slice(0, -1).every((size) => size === side);
    if (!side || !isEven || !depth || ![3, 4].includes(input.length) || output.length !== 1)
      throw flError('NF_TRAIN_MODEL', { name, found: `[${input}] to [${output}]` });
    if ((input.length === 4) !== (layout === 'volume')) {
      const [model, data] = input.length === 4 ? ['volumes', 'pictures'] : ['pictures', 'volumes'];
      throw flError('NF_TRAIN_DIMENSIONS', { model, data }, { place: { key: 'model.dimensions' } });
    }
    if (side !== imageSize) throw flError('NF_TRAIN_IMAGE_SIZE', { model: side, data: imageSize });
    requireChannels(depth, channels);
    const same = classes.length === output[0] && (names ?? classes).join('\n') === classes.join('\n');
    if (same) return;
    const params = { model: names?.join(', ') ?? `${output} outputs`, data: classes.join(', ') };
    throw flError('NF_TRAIN_CLASSES', params);
  }

  /** One score a subject, not a slice. */
  score(predict: PredictExamples): Promise<Metrics> {
    return scoreSubjects(this, ({ x, size }) => predict(x, size));
  }

  seenBy(view: FrozenView): FeatureSet {
    return new FeatureSet(this, view);
  }

  /** Of the pictures of an example, as they are before anything is done with them: 64 hex digits. */
  async digestOf(index: number): Promise<string> {
    const hash = createHash('sha256');
    for (const pictures of await this.#pictures(this.#example(index)))
      for (const picture of pictures) hash.update(picture);
    return hash.digest('hex');
  }

  /** An example by itself: [imageSize, imageSize, channels], of a cube with one more imageSize before them. */
  async picture(index: number, look: Look): Promise<Float32Array> {
    const x = new Float32Array(this.#length);
    this.#fill(await this.#pictures(this.#example(index)), look, x);
    return x;
  }

  /** The index in `subjects` of whom an example shows. */
  ownerOf(index: number): number {
    return this.#example(index).subject;
  }

  /** Values of an example. */
  get #length(): number {
    const { imageSize, channels } = this.options;
    return planesOf(this.options) * imageSize * imageSize * channels;
  }

  #example(index: number): Example {
    const example = this.#examples[index];
    if (!example) throw new RangeError(`no example ${index} of ${this.size}`);
    return example;
  }

  async #assemble(
    indices: readonly number[],
    { seedAt, mirror }: { seedAt: (row: number) => number | undefined; mirror: boolean },
  ): Promise<Batch> {
    const { classes } = this.options;
    const area = this.#length;
    const x = new Float32Array(indices.length * area);
    const y = new Float32Array(indices.length * classes.length);
    const owners: number[] = [];
    const examples = indices.flatMap((index) => this.#examples[index] ?? []);
    const pictures = await Promise.all(examples.map((example) => this.#pictures(example)));
    for (const [row, example] of examples.entries()) {
      this.#fill(
        pictures[row] ?? [],
        { seed: seedAt(row), mirror },
        x.subarray(row * area, (row + 1) * area),
      );
      y[row * classes.length + (this.subjects[example.subject]?.label ?? 0)] = 1;
      owners.push(example.subject);
    }
    return { x, y, size: indices.length, owners };
  }

  /** What the network gets of an example: each channel as a square or a cube, standardised by itself, and their pixels side by side. */
  #fill(channels: readonly (readonly Picture[])[], look: Look, x: Float32Array): void {
    for (const [channel, pictures] of channels.entries()) {
      const square = channels.length === 1 ? x : new Float32Array(x.length / channels.length);
      this.#show(pictures, { ...look, channel }, square);
      standardize(square);
      if (square === x) continue;
      for (let at = 0; at < square.length; at++) x[at * channels.length + channel] = f32At(square, at);
    }
  }

  /** What the network sees of an example, before it is standardised, into zeros: planes of a cube one behind the other, or side by side. */
  #show(pictures: readonly Picture[], look: Look & { channel: number }, into: Float32Array): void {
    const isMontage = this.options.layout === 'montage' && pictures.length > 1;
    const tiles = pictures.map((picture, nth) => {
      const start = nth * picture.length;
      const tile = isMontage
        ? new Float32Array(picture.length)
        : into.subarray(start, start + picture.length);
      this.#present(picture, look, tile);
      if (look.mirror) exchangeSides(tile);
      return tile;
    });
    if (isMontage) arrange(tiles, into);
  }

  /** All planes and channels of an example are moved alike, and each channel has a gamma of its own. */
  #present(
    picture: Picture,
    { seed, channel }: { seed: number | undefined; channel: number },
    tile: Float32Array,
  ): void {
    const { augment: options } = this.options;
    if (seed === undefined || !options) {
      for (let at = 0; at < tile.length; at++) tile[at] = u8At(picture, at) / 255;
      return;
    }
    const greys = channel === 0 ? undefined : createRandom('channel', seed, channel);
    augment(picture, options, { random: createRandom(seed), into: tile, ...(greys && { greys }) });
  }

  async #pictures({ subject, paths, first, count }: Example): Promise<readonly (readonly Picture[])[]> {
    const harmony = this.subjects[subject]?.harmony;
    const channels = await readChannels(paths, { ...this.options, harmony });
    const shown = channels.map((pictures) => pictures.slice(first, first + count));
    if (shown.every((pictures) => pictures.length === count)) return shown;
    const [path = ''] = paths;
    throw flError('NF_DATA_IMAGE_CHANGED', { path }, { place: { file: path } });
  }
}

/** By which a picture is changed: anew each time that it comes in an epoch. */
function seedOf(seed: number, { index, repeat }: Draw = { index: 0, repeat: 0 }): number {
  return deriveSeed('augment', seed, index, ...(repeat === 0 ? [] : [repeat]));
}

/** The pixels of one channel of an example. */
export function planeOf(
  example: Float32Array,
  { channel, channels }: { channel: number; channels: number },
): Float32Array {
  if (channels === 1) return example;
  return Float32Array.from({ length: example.length / channels }, (_, at) =>
    f32At(example, at * channels + channel),
  );
}

/** Left and right, in place. */
function exchangeSides(picture: Float32Array): void {
  const side = Math.sqrt(picture.length);
  for (let start = 0; start < picture.length; start += side) picture.subarray(start, start + side).reverse();
}

/** Grey over this is taken for tissue when a picture is standardised. */
const TISSUE = 0.05;

/**
 * Z-score by the mean and standard deviation of the tissue in the picture, in place, so that the gain of a scanner does
 * not reach the network; background gets the value that black has on that scale, held to -3.
 */
export function standardize(pixels: Float32Array): Float32Array {
  let [count, sum, squares] = [0, 0, 0];
  for (let at = 0; at < pixels.length; at++) {
    const value = f32At(pixels, at);
    if (value <= TISSUE) continue;
    count++;
    sum += value;
    squares += value * value;
  }
  const mean = count ? sum / count : 0;
  const deviation = Math.sqrt(count ? Math.max(0, squares / count - mean * mean) : 0) + 0.05;
  for (let at = 0; at < pixels.length; at++) {
    const value = (f32At(pixels, at) - mean) / deviation;
    pixels[at] = value < -3 ? -3 : value;
  }
  return pixels;
}
