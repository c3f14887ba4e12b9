import { f32At, numberAt } from '../../base/at.ts';
import { canonicalJson, sha256 } from '../../base/digest.ts';
import { flError } from '../../base/errors/errors.ts';
import { reasonOf } from '../../base/errors/reason-of.ts';
import { bytesOf, elementCount } from '../../base/tensors/nd-array.ts';
import { type FileRules, LOCAL_FILES } from '../../job/job-paths.ts';
import type { FrozenFeatures } from '../dataset/example-set.ts';
import { type FrozenGraph, type FrozenOutput, openFrozenGraph } from '../engine/ort/frozen-graph.ts';
import { planBackbone } from '../models/backbone.ts';
import { type BackboneSpec, inputChannels, takenChannels } from '../models/spec.ts';
import { keptFeatures } from './feature-store.ts';
import { type FrozenNetwork, frozenNetwork } from './frozen-network.ts';
import { networkFault } from './network-fault.ts';
import { channelSources, inputScale, readNetworkFile } from './network-file.ts';

/** The frozen part of a pretrained network, ready to be asked. */
export interface Backbone extends FrozenFeatures {
  /** Whether the graph itself gives feature maps, of which one number each is kept. */
  readonly poolsMaps: boolean;
  readonly network: FrozenNetwork;
  /** @param picture [side, side, channels], standardised @returns features in row-major order */
  features(picture: Float32Array): Promise<Float32Array>;
}

/** Example, sides and channels. */
const MAP_AXES = 4;
/** Opened ones stay in the thread for the tasks to come: one job uses one. */
const KEPT = 2;
const opened = new Map<string, Promise<Opened>>();

interface Opened {
  readonly backbone: Backbone;
  readonly graph: FrozenGraph;
}

/**
 * Opens the network that a model names (`import`, an absolute path), and asks it about an empty picture.
 * @throws NF_BACKBONE_*, NF_JOB_DATA, NF_JOB_PATH
 */
export async function openBackbone(spec: BackboneSpec, rules: FileRules = LOCAL_FILES): Promise<Backbone> {
  const path = spec.import;
  const bytes = await readNetworkFile(path, rules);
  const { frozen_to, features, pooling, architecture, image_size, channels } = spec;
  const { input_channels, input_mean, input_std } = spec;
  const parts = { frozen_to, features, pooling, architecture, image_size, channels };
  const id = sha256(canonicalJson({ file: sha256(bytes), parts, input_channels, input_mean, input_std }));
  const known = opened.get(id) ?? open(bytes, { spec, path, id });
  opened.delete(id);
  opened.set(id, known);
  known.catch(() => opened.delete(id));
  const [oldest] = opened;
  if (opened.size > KEPT && oldest) {
    opened.delete(oldest[0]);
    void oldest[1].then(({ graph }) => graph.release());
  }
  return (await known).backbone;
}

/** @param x [size, side, side, channels] @returns [size, ...shape] */
export async function featuresOfAll(
  { features, shape }: Backbone,
  x: Float32Array,
  size: number,
): Promise<Float32Array> {
  const [area, length] = [x.length / size, elementCount(shape)];
  const all = new Float32Array(size * length);
  for (let row = 0; row < size; row++)
    all.set(await features(x.subarray(row * area, (row + 1) * area)), row * length);
  return all;
}

/** The same, kept by the pictures themselves: for changed ones of which no file tells. */
export function keptFeaturesOfAll(backbone: Backbone, x: Float32Array, size: number): Promise<Float32Array> {
  const features = (picture: Float32Array) =>
    keptFeatures(sha256(`${backbone.id} ${sha256(bytesOf(picture))}`), () => backbone.features(picture));
  return featuresOfAll({ ...backbone, features }, x, size);
}

interface Source {
  readonly spec: BackboneSpec;
  readonly path: string;
  readonly id: string;
}

async function open(bytes: Uint8Array, { spec, path, id }: Source): Promise<Opened> {
  const network = frozenNetwork(bytes, spec, path);
  const { channelsFirst } = network;
  const side = spec.image_size;
  const taken = takenChannels(spec);
  const shape = channelsFirst ? [1, taken, side, side] : [1, side, side, taken];
  const graph = await openFrozenGraph(network.onnx, network).catch((cause: unknown) => {
    throw networkFault(path, `ONNX Runtime does not take it: ${reasonOf(cause)}`, cause);
  });
  const fill = filler(spec, channelsFirst);
  const { shape: wanted } = planBackbone(spec);
  const run = (picture: Float32Array) =>
    graph.run(fill(picture), shape).catch((cause: unknown) => {
      throw networkFault(path, `ONNX Runtime cannot compute it: ${reasonOf(cause)}`, cause);
    });
  const empty = await run(new Float32Array(side * side * inputChannels(spec)));
  const poolsMaps = wanted.length === 1 && empty.shape.length === MAP_AXES;
  const kept = (given: FrozenOutput) => (poolsMaps ? pooled(given, { spec, channelsFirst }) : given.data);
  requireFeatures(kept(empty), wanted, path);
  const features = async (picture: Float32Array) => kept(await run(picture));
  const backbone = { id: sha256(`${id} ${graph.by}`), shape: wanted, poolsMaps, network, features };
  return { backbone, graph };
}

function requireFeatures(found: Float32Array, shape: readonly number[], path: string): void {
  const wanted = elementCount(shape);
  if (found.length !== wanted) {
    const problem = `it gives ${found.length} features for a picture, and the job says ${wanted}`;
    throw flError('NF_BACKBONE_SHAPE', { path, problem }, { place: { key: 'model.features' } });
  }
  if (found.some((value) => !Number.isFinite(value)))
    throw networkFault(path, 'its features of an empty picture are not finite');
}

/** What the network is given of a picture: its channels where the network looks for them, on the scale that it was trained on. */
function filler(spec: BackboneSpec, channelsFirst: boolean): (picture: Float32Array) => Float32Array {
  const sources = channelSources(spec);
  const [taken, given] = [sources.length, inputChannels(spec)];
  const { means, deviations } = inputScale(spec);
  return (picture) => {
    const area = picture.length / given;
    const filled = new Float32Array(area * taken);
    for (const [channel, source] of sources.entries()) {
      const [mean, deviation] = [numberAt(means, channel), numberAt(deviations, channel)];
      const [first, step] = channelsFirst ? [channel * area, 1] : [channel, taken];
      for (let at = 0; at < area; at++)
        filled[first + at * step] = mean + deviation * f32At(picture, at * given + source);
    }
    return filled;
  };
}

/** One number of each feature map. */
function pooled(
  { data, shape }: { readonly data: Float32Array; readonly shape: readonly number[] },
  { spec, channelsFirst }: { readonly spec: BackboneSpec; readonly channelsFirst: boolean },
): Float32Array {
  const channels = Number(channelsFirst ? shape[1] : shape[3]);
  const area = data.length / channels;
  const [next, step] = channelsFirst ? [area, 1] : [1, channels];
  return Float32Array.from({ length: channels }, (_, channel) => {
    let [sum, highest] = [0, Number.NEGATIVE_INFINITY];
    for (let at = 0; at < area; at++) {
      const value = f32At(data, channel * next + at * step);
      sum += value;
      highest = Math.max(highest, value);
    }
    return spec.pooling === 'max' ? highest : sum / area;
  });
}
