import type { ParamSet } from '../../base/tensors/nd-array.ts';
import type { Batch, PredictExamples } from '../dataset/example-set.ts';
import type { ImageSet } from '../dataset/image-set.ts';
import type { Engine } from '../engine/engine.ts';
import { buildModel } from '../models/build.ts';
import type { ModelSpec } from '../models/spec.ts';
import type { SubjectPictures } from './score.ts';

/** A whole network that is asked and not trained: what is frozen of it, and what was trained. */
export interface Network {
  /** Has it compute with other parameters from now on. */
  load(params: ParamSet): void;
  /** The pictures as it may ask for them; features of a frozen part are kept in this thread. */
  examplesOf(images: ImageSet): SubjectPictures;
  /** Logits [size, classes] of a batch of `examplesOf`. */
  predict(batch: Batch): Promise<Float32Array>;
  /** Outputs [size, ...] of examples as the network takes them. */
  readonly outputs: PredictExamples;
  /** The same of pictures that were changed: [size, imageSize, imageSize, channels]. */
  predictPictures(batch: Batch): Promise<Float32Array>;
  dispose(): void;
}

/** @throws NF_ENGINE_*, NF_BACKBONE_* */
export async function openNetwork(
  engine: Engine,
  spec: ModelSpec,
  { batchSize }: { readonly batchSize: number },
): Promise<Network> {
  const model = await engine.compile(buildModel(spec), { batchSize, optimizer: { kind: 'sgd' } });
  const plain: Network = {
    load: (params) => model.setParams(params),
    examplesOf: (images) => images,
    predict: ({ x, size }) => model.predict(x, size),
    outputs: (x, size) => model.predict(x, size),
    predictPictures: ({ x, size }) => model.predict(x, size),
    dispose: () => model.dispose(),
  };
  if (spec.type !== 'backbone') return plain;
  const { keptFeaturesOfAll, openBackbone } = await import('../backbone/open-backbone.ts');
  const backbone = await openBackbone(spec);
  return {
    ...plain,
    examplesOf: (images) => images.seenBy({ network: backbone, views: undefined }),
    predictPictures: async ({ x, size }) => model.predict(await keptFeaturesOfAll(backbone, x, size), size),
  };
}
