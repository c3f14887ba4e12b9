import { readFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { io } from '@tensorflow/tfjs-core';
import type { LayersModel } from '@tensorflow/tfjs-layers';
import { z } from 'zod';
import { flError } from '../../kernel/errors.ts';
import { parseJson } from '../../kernel/parse-json.ts';
import { elementCount, type NdArray, type ParamSet } from '../../tensors/nd-array.ts';
import { makeFolder, writeFileAtomic } from '../../workspace/files.ts';

const MODEL = 'model.json';
const WEIGHTS = 'weights.bin';

/** The part of tfjs's model.json that says where weights lie. */
const manifestSchema = z.object({
  weightsManifest: z.array(
    z.object({
      paths: z.array(z.string()),
      weights: z.array(
        z.object({ name: z.string(), shape: z.array(z.number()), dtype: z.literal('float32') }),
      ),
    }),
  ),
});

/** Writes a model as `tf.loadLayersModel` reads it: model.json and weights.bin in a folder. */
export async function writeTfjsModel(model: LayersModel, folder: string): Promise<string[]> {
  await makeFolder(folder);
  await model.save(
    io.withSaveHandler(async ({ modelTopology, weightSpecs = [], weightData, generatedBy }) => {
      const manifest = [{ paths: [WEIGHTS], weights: weightSpecs }];
      const parts = [weightData ?? []].flat().map((part) => new Uint8Array(part));
      await writeFileAtomic(join(folder, WEIGHTS), Buffer.concat(parts));
      const file = { format: 'layers-model', generatedBy, modelTopology, weightsManifest: manifest };
      await writeFileAtomic(join(folder, MODEL), JSON.stringify(file));
      return { modelArtifactsInfo: { dateSaved: new Date(0), modelTopologyType: 'JSON' } };
    }),
  );
  return [join(folder, MODEL), join(folder, WEIGHTS)];
}

/**
 * The weights that a model.json names, float32.
 * @throws NF_IMPORT_FILE
 */
export async function readTfjsWeights(path: string): Promise<ParamSet> {
  const invalid = (reason: string, cause?: unknown) =>
    flError('NF_IMPORT_FILE', { path, reason }, { place: { file: path }, cause });
  const text = await readFile(path, 'utf8');
  const parsed = manifestSchema.safeParse(parseJson(text));
  if (!parsed.success)
    throw invalid('it is no model.json of TensorFlow.js with float32 weights', parsed.error);
  const params: Record<string, NdArray> = {};
  for (const { paths, weights } of parsed.data.weightsManifest) {
    const files = await Promise.all(paths.map((name) => readFile(join(dirname(path), name))));
    const bytes = new Uint8Array(Buffer.concat(files));
    let offset = 0;
    for (const { name, shape } of weights) {
      const end = offset + elementCount(shape) * 4;
      if (end > bytes.length) throw invalid(`its weights end before '${name}'`);
      params[name] = { dtype: 'float32', shape, data: new Float32Array(bytes.slice(offset, end).buffer) };
      offset = end;
    }
  }
  return params;
}
