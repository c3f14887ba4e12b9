import { z } from 'zod';
import { parseJson } from '../../base/parse-json.ts';
import { ENGINE_CHOICES } from '../../job/engine-choice.ts';
import { PREFIX, type QueueLink } from './queue-link.ts';
import type { RunKey } from './run-key.ts';
import { openSigned, type Signed, sign, signedSchema } from './signed.ts';

/**
 * Who is there: each run and each worker says so again and again, in a record that ends by itself. Records of runs are signed; what a worker
 * says of itself is believed by nobody who has not looked.
 */

/** Seconds a record lasts. */
const LASTS = 10;
const MOST_CHARACTERS = 4_000_000;

const refusalSchema = z.object({ code: z.string(), message: z.string().max(4000) });
/** Why a worker has no part in a run. */
export type Refusal = z.output<typeof refusalSchema>;

const runSchema = z.object({
  /** Id of its key. */
  id: z.string(),
  /** `JOB/RUN_ID`, for people. */
  name: z.string(),
  version: z.string(),
  engine: z.object({ choice: z.enum(ENGINE_CHOICES), threads: z.int().min(1) }),
  since: z.string(),
  /** The workers that it has looked at. */
  verdicts: z.record(z.string(), z.union([z.literal('fit'), refusalSchema])),
  /** Places in the queue whose tasks nobody waits for any more. */
  stopped: z.array(z.string()),
  /** The run is over: what still runs is for nothing. */
  ended: z.boolean(),
});
export type RunRecord = z.output<typeof runSchema>;

/** What is said of a run before its key is known: where it lies. */
const announcedSchema = z.object({
  id: z.string().regex(/^[0-9a-f]{16}$/),
  folder: z.string().max(4000),
  signed: signedSchema,
});
export type AnnouncedRun = z.output<typeof announcedSchema>;

const workerSchema = z.object({
  id: z.string().regex(/^[0-9a-f]{8}$/),
  /** `HOST-PID`. */
  name: z.string().max(300),
  version: z.string().max(100),
  processor: z.string().max(200),
  threads: z.int().min(1),
  gpu: z.string().max(100).nullable(),
  since: z.string().max(40),
  /** The run it works for, and how many tasks it has at hand and has done. */
  run: z.string().max(600).nullable(),
  active: z.int().min(0),
  done: z.int().min(0),
  /** Runs that it sees, by their ids: what it would compute them on, or why it cannot. */
  asks: z.record(
    z.string(),
    z.union([z.object({ class: z.string().max(500) }), z.object({ refusal: refusalSchema })]),
  ),
});
export type WorkerRecord = z.output<typeof workerSchema>;

export class Records {
  readonly #redis: QueueLink['redis'];

  constructor({ redis }: Pick<QueueLink, 'redis'>) {
    this.#redis = redis;
  }

  async putRun(record: RunRecord, folder: string, { secret }: RunKey): Promise<void> {
    const signed: Signed = sign('run', record, secret);
    await this.#put('run', record.id, { id: record.id, folder, signed } satisfies AnnouncedRun);
  }

  async putWorker(record: WorkerRecord): Promise<void> {
    await this.#put('worker', record.id, record);
  }

  async dropWorker(id: string): Promise<void> {
    await this.#redis.del(`${PREFIX}:worker:${id}`);
  }

  async runs(): Promise<AnnouncedRun[]> {
    return (await this.#all('run')).flatMap((said) => announcedSchema.safeParse(said).data ?? []);
  }

  async workers(): Promise<WorkerRecord[]> {
    const found = (await this.#all('worker')).flatMap((said) => workerSchema.safeParse(said).data ?? []);
    return found.sort((a, b) => (a.name < b.name ? -1 : 1));
  }

  /** All names are in a set, so that nobody has to look through all keys of a server. */
  async #put(kind: 'run' | 'worker', id: string, record: object): Promise<void> {
    await this.#redis
      .multi()
      .sadd(`${PREFIX}:${kind}s`, id)
      .set(`${PREFIX}:${kind}:${id}`, JSON.stringify(record), 'EX', LASTS)
      .exec();
  }

  async #all(kind: 'run' | 'worker'): Promise<unknown[]> {
    const ids = await this.#redis.smembers(`${PREFIX}:${kind}s`);
    if (ids.length === 0) return [];
    const texts = await this.#redis.mget(ids.map((id) => `${PREFIX}:${kind}:${id}`));
    const gone = ids.filter((_, at) => texts[at] === null);
    if (gone.length > 0) await this.#redis.srem(`${PREFIX}:${kind}s`, gone);
    return texts.flatMap((text) =>
      text === null || text === undefined || text.length > MOST_CHARACTERS ? [] : [parseJson(text)],
    );
  }
}

/** What a run says, if it was said with its key. */
export function openRun({ id, signed }: AnnouncedRun, key: RunKey): RunRecord | undefined {
  const { data } = runSchema.safeParse(openSigned('run', signed, key.secret));
  return data?.id === id && id === key.id ? data : undefined;
}
