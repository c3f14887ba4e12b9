import type { Redis, RedisOptions } from 'ioredis';
import { flError, NeuroflareError } from '../../base/errors/errors.ts';
import { reasonOf } from '../../base/errors/reason-of.ts';
import type { QueueAddress } from './queue-address.ts';

/** Before the names of all that lies in the queue's server. */
export const PREFIX = 'neuroflare';
const CONNECT_MS = 5000;
const ANSWER_MS = 10_000;
const OLDEST = [6, 2] as const;
/** A server that is gone is asked for again. */
const PAUSES = { step: 200, most: 2000 } as const;

/** A connection that comes back by itself, and the package that speaks over it. */
export interface QueueLink {
  readonly address: QueueAddress;
  readonly redis: Redis;
  readonly bullmq: typeof import('bullmq');
  close(): void;
}

/** @throws NF_QUEUE_PACKAGES, NF_QUEUE_UNREACHABLE, NF_QUEUE_DENIED, NF_QUEUE_UNFIT */
export async function openLink(address: QueueAddress, tell: (line: string) => void): Promise<QueueLink> {
  const { Client, bullmq } = await loadPackages();
  await requireFit(address, (options) => new Client(address.url, options));
  const redis = new Client(address.url, {
    maxRetriesPerRequest: null,
    retryStrategy: (times) => Math.min(times * PAUSES.step, PAUSES.most),
  });
  let isDown = false;
  let isClosed = false;
  redis.on('error', () => undefined);
  redis.on('close', () => {
    if (!isDown && !isClosed) tell(`The queue ${address.shown} does not answer; tasks that run go on.`);
    isDown = true;
  });
  redis.on('ready', () => {
    if (isDown) tell(`The queue ${address.shown} is back.`);
    isDown = false;
  });
  const close = () => {
    isClosed = true;
    redis.disconnect();
  };
  return { address, redis, bullmq, close };
}

async function loadPackages() {
  try {
    const [{ Redis: Client }, bullmq] = await Promise.all([import('ioredis'), import('bullmq')]);
    return { Client, bullmq };
  } catch (error) {
    const [reason = ''] = reasonOf(error).split('\n');
    throw flError('NF_QUEUE_PACKAGES', { reason }, { cause: error });
  }
}

/** A first connection that gives up at once, so that a wrong address is an error and no silence. */
async function requireFit({ shown }: QueueAddress, connect: (options: RedisOptions) => Redis): Promise<void> {
  const probe = connect({ lazyConnect: true, retryStrategy: () => null, connectTimeout: CONNECT_MS });
  let last: Error | undefined;
  probe.on('error', (error) => {
    last = error;
  });
  const late = Promise.withResolvers<never>();
  const timer = setTimeout(() => late.reject(new Error('it does not answer')), ANSWER_MS);
  try {
    await Promise.race([probe.connect(), late.promise]);
    const reason = unfitness(await Promise.race([probe.info(), late.promise]));
    if (reason !== undefined) throw flError('NF_QUEUE_UNFIT', { shown, reason });
    await Promise.race([probe.get(`${PREFIX}:probe`), late.promise]);
  } catch (thrown) {
    throw thrown instanceof NeuroflareError ? thrown : connectionError(shown, [last, thrown]);
  } finally {
    clearTimeout(timer);
    probe.disconnect();
  }
}

/** What a server says of itself (INFO) that speaks against it. */
export function unfitness(info: string): string | undefined {
  const value = (name: string) => new RegExp(`^${name}:(.*)$`, 'm').exec(info)?.[1]?.trim();
  const version = value('redis_version') ?? '0';
  const [major = 0, minor = 0] = version.split('.').map(Number);
  const isOld = major < OLDEST[0] || (major === OLDEST[0] && minor < OLDEST[1]);
  if (isOld && value('valkey_version') === undefined) return `it is Redis ${version}`;
  const policy = value('maxmemory_policy');
  return policy === undefined || policy === 'noeviction' ? undefined : `its maxmemory-policy is ${policy}`;
}

/** A refusal is said before the connection ends, which is an error too. */
function connectionError(shown: string, errors: readonly unknown[]): NeuroflareError {
  const reasons = errors.flatMap((error) => (error === undefined ? [] : [reasonOf(error)]));
  const denied = reasons.find((reason) => /WRONGPASS|NOAUTH|NOPERM|invalid password|AUTH/.test(reason));
  // What it says may repeat the command, and with it a password.
  if (denied !== undefined)
    return flError('NF_QUEUE_DENIED', { shown, reason: /^\S+/.exec(denied)?.[0] ?? 'AUTH' });
  return flError('NF_QUEUE_UNREACHABLE', { shown, reason: reasons[0] || 'no connection' });
}
