import { dirname, join } from 'node:path';
import { io } from '@tensorflow/tfjs-core';
import type { LayersModel } from '@tensorflow/tfjs-layers';
import { z } from 'zod';
import { flError } from '../../base/errors/errors.ts';
import { makeFolder, writeFileAtomic } from '../../base/files/files.ts';
import { parseJson } from '../../base/parse-json.ts';
import { elementCount, type NdArray, type ParamSet } from '../../base/tensors/nd-array.ts';
import { type FileRules, readJobFile } from '../../job/job-paths.ts';

const MODEL = 'model.json';
const WEIGHTS = 'weights.bin';

/** The part of tfjs's model.json that says where weights lie. */
const manifestSchema = z.object({
  weightsManifest: z.array(
    z.object({
      paths: z.array(z.string()),
      weights: z.array(
        z.object({ name: z.string(), shape: z.array(z.int().min(0)), dtype: z.literal('float32') }),
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

/** A file beside model.json, as TensorFlow.js writes them: no folder, no address, no way up. */
const PLAIN_NAME = /^(?!\.)[^/\\:\p{Cc}]+$/u;

/**
 * The weights that a model.json names, float32. Its files lie beside it.
 * @throws NF_IMPORT_FILE, NF_JOB_DATA, NF_JOB_PATH
 */
export async function readTfjsWeights(path: string, rules: FileRules): Promise<ParamSet> {
  const invalid = (reason: string, cause?: unknown) =>
    flError('NF_IMPORT_FILE', { path, reason }, { place: { file: path }, cause });
  const text = await readJobFile(path, { what: 'The model to begin with', key: 'model.import' }, rules);
  const parsed = manifestSchema.safeParse(parseJson(new TextDecoder().decode(text)));
  if (!parsed.success)
    throw invalid('it is no model.json of TensorFlow.js with float32 weights', parsed.error);
  const names = parsed.data.weightsManifest.flatMap(({ paths }) => paths);
  const odd = names.find((name) => !PLAIN_NAME.test(name));
  if (odd !== undefined) throw invalid(`its weights lie in '${odd}', which is no file beside it`);
  if (new Set(names).size < names.length) throw invalid('it names a file of weights twice');
  const params = new Map<string, NdArray>();
  let left = rules.mostBytes;
  for (const { paths, weights } of parsed.data.weightsManifest) {
    const files: Uint8Array[] = [];
    for (const name of paths) {
      const file = join(dirname(path), name);
      files.push(await readJobFile(file, { what: 'A file of weights' }, { ...rules, mostBytes: left }));
      left -= files.at(-1)?.length ?? 0;
    }
    const bytes = new Uint8Array(Buffer.concat(files));
    let offset = 0;
    for (const { name, shape } of weights) {
      if (name === '__proto__') throw invalid("an array is named '__proto__'");
      const end = offset + elementCount(shape) * 4;
      if (!(end <= bytes.length)) throw invalid(`its weights end before '${name}'`);
      params.set(name, {
        dtype: 'float32',
        shape,
        data: new Float32Array(bytes.slice(offset, end).buffer),
      });
      offset = end;
    }
  }
  return Object.fromEntries(params);
}
