import { resolve, sep } from 'node:path';
import { z } from 'zod';
import { canonicalJson, sha256 } from '../../base/digest.ts';
import type { NeuroflareError } from '../../base/errors/errors.ts';
import { flError } from '../../base/errors/errors.ts';
import { keptFeaturesPath } from '../../run/kept-features.ts';
import type { TaskOrder } from '../../site/executor/messages.ts';
import type { RunKey } from './run-key.ts';
import { openSigned, type Signed, sign } from './signed.ts';

/** A task as it lies in the queue. */
export interface QueuedOrder {
  /** Id of the run's key. */
  readonly run: string;
  /** Of the task: the same for the same order, also after a resume. */
  readonly id: string;
  /** How often it was put into the queue, with this time. */
  readonly attempt: number;
  /** Seconds the script has. */
  readonly limit: number;
  readonly order: TaskOrder;
}

/** Of the task that an order is. */
export function idOfOrder(order: TaskOrder): string {
  return sha256(canonicalJson(order)).slice(0, 24);
}

/** Of its place in the queue: put there twice is once. */
export function jobIdOf({ id, attempt }: Pick<QueuedOrder, 'id' | 'attempt'>): string {
  return `${id}.${attempt}`;
}

export function signOrder(order: QueuedOrder, { secret }: RunKey): Signed {
  return sign('order', order, secret);
}

const orderSchema = z.looseObject({
  run: z.string(),
  id: z.string().regex(/^[0-9a-f]{24}$/),
  attempt: z.int().min(1),
  limit: z.number().positive(),
  order: z.looseObject({
    home: z.string().optional(),
    features: z.string().optional(),
    output: z.looseObject({ files: z.record(z.string(), z.string()), state: z.string() }),
    task: z.looseObject({
      code: z.looseObject({ bundle: z.string() }),
      inputs: z.record(z.string(), z.string()),
      statePath: z.string().optional(),
    }),
  }),
});

/**
 * An order that this run gave, all of whose files lie in its folder.
 * @throws NF_WORKER_ORDER_FORGED
 */
export function openOrder(said: unknown, key: RunKey, folder: string): QueuedOrder {
  const opened = openSigned('order', said, key.secret);
  if (opened === undefined) throw forged("it is not signed by the run's key");
  const { data } = orderSchema.safeParse(opened);
  if (!data) throw forged('it is none');
  if (data.run !== key.id) throw forged('it is of another run');
  const { home, features, output, task } = data.order;
  const paths = [
    ...Object.values(output.files),
    output.state,
    task.code.bundle,
    ...Object.values(task.inputs),
    ...(task.statePath === undefined ? [] : [task.statePath]),
    ...(home === undefined ? [] : [home]),
  ];
  const outside = paths.find((path) => !resolve(path).startsWith(`${resolve(folder)}${sep}`));
  if (outside !== undefined) throw forged(`its file ${outside} lies outside the run`);
  if (features !== undefined && features !== keptFeaturesPath(folder))
    throw forged(`its folder ${features} is not the workspace's`);
  // Signed by who made it from an order.
  return opened as QueuedOrder;
}

function forged(reason: string): NeuroflareError {
  return flError('NF_WORKER_ORDER_FORGED', { reason });
}
