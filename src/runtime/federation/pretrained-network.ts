import { resolve, sep } from 'node:path';
import { flError } from '../base/errors/errors.ts';
import type { JobDefinition } from '../job/definition.ts';
import { type ModelSpec, parseModelSpec } from '../learning/models/spec.ts';

/** What is computed of a picture follows from the job, so that network is among its files. @throws NF_JOB_PATH */
export function requireNetworkInside(spec: ModelSpec, folder: string): void {
  if (spec.type !== 'backbone') return;
  const path = spec.import;
  if (resolve(folder, path).startsWith(resolve(folder) + sep)) return;
  const params = { what: 'The pretrained network', path, reason: "it lies outside the job's folder" };
  throw flError('NF_JOB_PATH', params, { place: { key: 'model.import' } });
}

/**
 * A pretrained network that this machine's user brings is run once, on an empty picture, before work starts. (What others submit is looked at without
 * running it; their sites run it.)
 * @throws NF_BACKBONE_*
 */
export async function requireNetwork({ model }: Pick<JobDefinition, 'model'>): Promise<void> {
  if (model.kind !== 'built' || model.importFrom === undefined) return;
  const spec = parseModelSpec(model.spec);
  if (spec.type !== 'backbone') return;
  const { openBackbone } = await import('../learning/backbone/open-backbone.ts');
  await openBackbone({ ...spec, import: model.importFrom });
}
