import { randomUUID } from 'node:crypto';
import type { z } from 'zod';
import type { sessionRequest } from '../../src/runtime/wire/site.ts';

type Hello = z.output<typeof sessionRequest>;

/** What a client says of itself when it comes. */
export function siteHello(over: Partial<Hello> = {}): Hello {
  return {
    instance: randomUUID(),
    version: '0.1.0',
    node: '24.0.0',
    platform: 'linux-x64',
    engine: 'auto',
    resources: { jobs: 1, cpus: 2, memory_gb: 4, gpus: 0 },
    ...over,
  };
}
