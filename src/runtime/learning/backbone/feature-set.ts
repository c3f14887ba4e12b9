import { numberAt } from '../../base/at.ts';
import { canonicalJson, sha256 } from '../../base/digest.ts';
import { createRandom, deriveSeed } from '../../base/random.ts';
import type { AugmentOptions } from '../dataset/augment.ts';
import type {
  Batch,
  BatchOptions,
  ExampleSet,
  FrozenFeatures,
  FrozenView,
  ModelForm,
  PredictExamples,
} from '../dataset/example-set.ts';
import { drawsOf, type Sampling } from '../dataset/order.ts';
import type { Metrics } from '../trainer/confusion.ts';
import { scoreSubjects } from '../trainer/score.ts';
import { tellProgress } from '../trainer/settings.ts';
import { keptFeatures } from './feature-store.ts';

/** What is asked of an `ImageSet`. */
interface Pictures {
  readonly subjects: readonly { readonly id: string; readonly label: number }[];
  readonly classes: readonly string[];
  readonly size: number;
  readonly groups: readonly (readonly number[])[];
  readonly labels: readonly number[];
  readonly classCounts: readonly number[];
  readonly options: {
    readonly imageSize: number;
    readonly channels: number;
    readonly batchSize: number;
    readonly mirror: boolean;
    readonly augment: AugmentOptions | undefined;
    readonly sampling?: Sampling;
  };
  ownerOf(index: number): number;
  digestOf(index: number): Promise<string>;
  picture(
    index: number,
    look: { readonly seed: number | undefined; readonly mirror: boolean },
  ): Promise<Float32Array>;
  requireFit(model: ModelForm): void;
}

/** One of the ways in which a picture is shown to the frozen network. */
type View = 'plain' | 'mirror' | number;

/**
 * Pictures as a frozen network sees them: their features, computed once for each picture and view and kept (`keptFeatures`), by digests of the
 * picture, of what is done with it and of the network.
 */
export class FeatureSet implements ExampleSet<Metrics> {
  readonly #images: Pictures;
  readonly #network: FrozenFeatures;
  readonly #views: readonly View[];
  readonly #digests = new Map<number, Promise<string>>();

  /** @param view `views`: in how many ways a picture is shown in training: as it is, mirrored where pictures are flipped, and changed ones up to this number */
  constructor(images: Pictures, { network, views }: FrozenView) {
    this.#images = images;
    this.#network = network;
    const { augment } = images.options;
    const usual: View[] = augment?.flip ? ['plain', 'mirror'] : ['plain'];
    const first = usual.slice(0, views);
    const changed = augment ? Math.max(0, (views ?? 0) - first.length) : 0;
    this.#views = [...first, ...Array.from({ length: changed }, (_, view) => view)];
  }

  get subjects() {
    return this.#images.subjects;
  }

  get options() {
    return this.#images.options;
  }

  get size(): number {
    return this.#images.size;
  }

  get classes(): readonly string[] {
    return this.#images.classes;
  }

  get classCounts(): readonly number[] {
    return this.#images.classCounts;
  }

  get groups(): readonly (readonly number[])[] {
    return this.#images.groups;
  }

  /** These pictures, each in a view that its seed draws. */
  show(rows: readonly { readonly example: number; readonly seed: number }[]): Promise<Batch> {
    const views = rows.map(({ example, seed }) => this.#drawn(seed, example));
    return this.#assemble(
      rows.map(({ example }) => example),
      (row) => views[row] ?? 'plain',
    );
  }

  /** As `ImageSet.batches`, with features [size, ...shape] in place of pictures. */
  async *batches({
    batchSize,
    seed,
    mirror = false,
  }: BatchOptions & { readonly mirror?: boolean }): AsyncGenerator<Batch> {
    const order = drawsOf(this.#images.labels, { seed, sampling: this.options.sampling });
    const still = mirror ? 'mirror' : 'plain';
    for (let start = 0; start < order.length; start += batchSize) {
      const draws = order.slice(start, start + batchSize);
      const indices = draws.map(({ index }) => index);
      const viewAt = (row: number) =>
        seed === undefined ? still : this.#drawn(seed, numberAt(indices, row), draws[row]?.repeat);
      yield await this.#assemble(indices, viewAt);
    }
  }

  requireFit(model: ModelForm): void {
    this.#images.requireFit(model);
  }

  score(predict: PredictExamples): Promise<Metrics> {
    return scoreSubjects(this, ({ x, size }) => predict(x, size));
  }

  async #assemble(indices: readonly number[], viewAt: (row: number) => View): Promise<Batch> {
    const { classes, subjects } = this;
    const length = this.#network.shape.reduce((product, size) => product * size, 1);
    const x = new Float32Array(indices.length * length);
    const y = new Float32Array(indices.length * classes.length);
    const owners = indices.map((index) => this.#images.ownerOf(index));
    for (const [row, index] of indices.entries()) {
      x.set(await this.#features(index, viewAt(row)), row * length);
      y[row * classes.length + (subjects[numberAt(owners, row)]?.label ?? 0)] = 1;
    }
    return { x, y, size: indices.length, owners };
  }

  /** The view of a picture in an epoch. */
  #drawn(seed: number, index: number, repeat = 0): View {
    const at = createRandom('view', seed, index, ...(repeat === 0 ? [] : [repeat])).int(this.#views.length);
    return this.#views[at] ?? 'plain';
  }

  async #features(index: number, view: View): Promise<Float32Array> {
    const digest = await this.#digestOf(index);
    const { imageSize, channels, augment } = this.#images.options;
    const isChanged = typeof view === 'number';
    const look = {
      seed: isChanged ? deriveSeed('view', view, digest) : undefined,
      mirror: view === 'mirror',
    };
    const parts = { network: this.#network.id, digest, imageSize, channels, look };
    const key = sha256(canonicalJson(isChanged ? { ...parts, augment } : parts));
    return keptFeatures(key, async () => {
      tellProgress({ phase: 'evaluate', epoch: 1, epochs: 1, done: index, total: this.size });
      return this.#network.features(await this.#images.picture(index, look));
    });
  }

  #digestOf(index: number): Promise<string> {
    const known = this.#digests.get(index) ?? this.#images.digestOf(index);
    this.#digests.set(index, known);
    return known;
  }
}
