import { stat } from 'node:fs/promises';
import type { LayersModel } from '@tensorflow/tfjs-layers';
import { flError } from '../../base/errors/errors.ts';
import { writeFileAtomic } from '../../base/files/files.ts';
import { checkSameForm } from '../../base/tensors/check-params.ts';
import type { ParamSet } from '../../base/tensors/nd-array.ts';
import { encodeSafetensors } from '../../base/tensors/safetensors.ts';
import { initialParams } from '../models/initial-params.ts';
import {
  type BackboneSpec,
  dimensionsOf,
  inputChannels,
  type ModelSpec,
  parseModelSpec,
} from '../models/spec.ts';
import { inputSides, patchSize } from '../models/unet-spec.ts';
import { toTorch } from './torch-order.ts';

export const EXPORT_FORMATS = ['onnx', 'tfjs', 'safetensors'] as const;
export type ExportFormat = (typeof EXPORT_FORMATS)[number];

export interface ExportRequest {
  /** What the job names under `model`. */
  readonly spec: unknown;
  readonly params: ParamSet;
  readonly format: ExportFormat;
  /** A file; a folder for tfjs. */
  readonly out: string;
  /** Write over what is there. */
  readonly force: boolean;
}

export interface Exported {
  readonly files: readonly string[];
  /** What a reader of the files must know. */
  readonly notes: readonly string[];
}

/**
 * Writes a trained model for others: an ONNX file for any runtime, a folder for TensorFlow.js, or safetensors in PyTorch's
 * names and axis order.
 * @throws NF_MODEL_*, NF_TENSORS_*, NF_EXPORT_EXISTS
 */
export async function exportModel(request: ExportRequest): Promise<Exported> {
  const { params, format, out, force } = request;
  const spec = parseModelSpec(request.spec);
  checkSameForm(params, initialParams(spec));
  const there = await stat(out).catch(() => undefined);
  if (there && !force) throw flError('NF_EXPORT_EXISTS', { path: out }, { place: { file: out } });
  if (format === 'safetensors') {
    await writeFileAtomic(out, encodeSafetensors(toTorch(params)));
    const part =
      spec.type === 'backbone' ? ['These are the trained parameters; the frozen part is in the job.'] : [];
    return {
      files: [out],
      notes: [...part, 'Axes are PyTorch’s: convolutions [out, in, height, width], dense layers [out, in].'],
    };
  }
  if (spec.type === 'backbone') return exportOnBackbone(spec, params, { format, out });
  const model = await filledModel(spec, params);
  try {
    return format === 'onnx' ? await writeOnnx(model, spec, out) : await writeTfjs(model, spec, out);
  } finally {
    model.dispose();
  }
}

/** What outputs stand for, for the file's own description. */
function namesOf(spec: ModelSpec): Record<string, string> {
  if (spec.type === 'unet') return { labels: ['background', ...spec.labels].join(',') };
  return spec.classes ? { classes: spec.classes.join(',') } : {};
}

function outputNote(spec: ModelSpec): string {
  return spec.type === 'unet' ? `[batch, ${sidesOf(spec)}, background and labels]` : '[batch, classes]';
}

function sidesOf(spec: ModelSpec): string {
  if (spec.type !== 'unet') return new Array<string>(dimensionsOf(spec)).fill('size').join(', ');
  return inputSides(patchSize(spec), spec.dimensions).join(', ');
}

/** What is frozen and what was trained, as one ONNX file. */
async function exportOnBackbone(
  spec: BackboneSpec,
  params: ParamSet,
  { format, out }: { readonly format: ExportFormat; readonly out: string },
): Promise<Exported> {
  if (format !== 'onnx') {
    const reason = 'TensorFlow.js would need the frozen part in its own form';
    throw flError('NF_BACKBONE_EXPORT', { format, reason }, { place: { file: out } });
  }
  const { wholeNetwork } = await import('../backbone/whole-network.ts');
  await writeFileAtomic(out, await wholeNetwork(spec, params));
  return {
    files: [out],
    notes: [inputNote(spec), 'Outputs: logits and probabilities [1, classes]. One image at a time.'],
  };
}

function inputNote(spec: ModelSpec): string {
  const channels = inputChannels(spec);
  const what = channels === 1 ? 'grey images' : 'images of several contrasts, in the order of the channels,';
  return `Input: ${what} [batch, ${sidesOf(spec)}, ${channels}], prepared as ${spec.type === 'unet' ? 'openVolumes' : 'openDataset'} of neuroflare/mri does.`;
}

async function writeOnnx(model: LayersModel, spec: ModelSpec, out: string): Promise<Exported> {
  const { exportOnnx } = await import('./export-onnx.ts');
  const { bytes, anyBatch } = exportOnnx(model, {
    model: spec.type,
    ...namesOf(spec),
  });
  await writeFileAtomic(out, bytes);
  const batch = anyBatch
    ? 'Any batch size.'
    : 'One image at a time: a layer of this model depends on the batch size.';
  return {
    files: [out],
    notes: [inputNote(spec), `Outputs: logits and probabilities ${outputNote(spec)}. ${batch}`],
  };
}

async function writeTfjs(model: LayersModel, spec: ModelSpec, out: string): Promise<Exported> {
  const { writeTfjsModel } = await import('./tfjs-files.ts');
  const files = await writeTfjsModel(model, out);
  const custom =
    spec.type === 'mri-cnn'
      ? []
      : ['Import neuroflare/engine before loading: it registers the layers that tfjs does not have.'];
  return { files, notes: [inputNote(spec), `Output: logits ${outputNote(spec)}.`, ...custom] };
}

async function filledModel(spec: ModelSpec, params: ParamSet): Promise<LayersModel> {
  const { buildModel, fillModel } = await import('../models/build.ts');
  const model = buildModel(spec);
  fillModel(model, params);
  return model;
}
