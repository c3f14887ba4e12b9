import type { ParamSet } from '../../base/tensors/nd-array.ts';
import type { EngineChoice } from '../../job/engine-choice.ts';
import type { PredictExamples } from '../../learning/dataset/example-set.ts';
import type { ImageSet } from '../../learning/dataset/image-set.ts';
import { type MaskedTest, maskBatch } from '../../learning/dataset/masked-pictures.ts';
import type { Engine } from '../../learning/engine/engine.ts';
import { createEngine } from '../../learning/engine/registry.ts';
import { type Network, openNetwork } from '../../learning/trainer/network.ts';
import { subjectProbabilities } from '../../learning/trainer/score.ts';
import type { Target } from '../open-target.ts';

/** A network ready to be asked. */
export interface Predictor {
  readonly engine: Engine;
  /** Has it predict by other parameters from now on. */
  load(params: ParamSet): void;
  /** What the network gives for examples. */
  readonly outputs: PredictExamples;
  /** Probabilities [subjects, classes]. */
  predict(images: ImageSet, masked?: MaskedTest): Promise<Float64Array>;
  dispose(): void;
}

export interface EngineWish {
  readonly choice: EngineChoice;
  readonly gpu: string | undefined;
  readonly threads: number;
}

const BATCH_SIZE = 32;

export async function openPredictor(target: Target, wish: EngineWish): Promise<Predictor> {
  const { engine } = await createEngine(wish.choice, { gpu: wish.gpu, threads: wish.threads });
  const network = await openNetwork(engine, target.spec, { batchSize: BATCH_SIZE });
  network.load(target.params);
  return {
    engine,
    load: (params) => network.load(params),
    outputs: (x, size) => network.outputs(x, size),
    predict: (images, masked) => predictSubjects(network, images, masked),
    dispose: () => network.dispose(),
  };
}

async function predictSubjects(
  network: Network,
  images: ImageSet,
  masked: MaskedTest | undefined,
): Promise<Float64Array> {
  const classes = images.classes.length;
  const own = masked
    ? await subjectProbabilities(images, (batch) =>
        network.predictPictures(maskBatch(batch, masked, images.options)),
      )
    : await subjectProbabilities(network.examplesOf(images), (batch) => network.predict(batch));
  const probabilities = new Float64Array(own.length * classes);
  for (const [row, values] of own.entries()) probabilities.set(values, row * classes);
  return probabilities;
}
