import { expect } from 'vitest';
import type { SiteJobFolder } from '../../src/runtime/deployment/client/memory/client-folder.ts';
import type { WallPolicy } from '../../src/runtime/security/policy/job-walls.ts';
import type { TaskEvent } from '../../src/runtime/site/executor/executor.ts';
import { ProcessExecutor } from '../../src/runtime/site/executor/process-executor.ts';
import { orderFor, scriptWith, watching } from './script-process.ts';

export interface AttemptOptions {
  readonly policy?: Partial<WallPolicy>;
  /** Seconds. */
  readonly limit?: number;
  readonly data?: string;
}

/** Runs snippets one after another in a script at a site and tells what came of each: `OK …`, or `no` and the error. */
export async function attemptIn(
  folder: SiteJobFolder,
  codes: Readonly<Record<string, string>>,
  { policy = {}, limit = 60, data }: AttemptOptions = {},
): Promise<Record<string, string>> {
  let printed = '';
  const job = new ProcessExecutor({
    folder,
    engine: { choice: 'cpu', gpu: undefined, requireGpu: false },
    data,
    policy: { isolate: true, network: 'none', run_as: 'own', ...policy },
  });
  const attempts = Object.entries(codes).map(
    ([name, code]) => `[${JSON.stringify(name)}, async () => ${code}]`,
  );
  const head = `import fs from 'node:fs';
import { createRequire } from 'node:module';
import * as`;
  const body = `const built = (name) => process.getBuiltinModule(name);
const event = (thing, good) => new Promise((yes, no) => thing.once('error', no).once(good, yes));
const require = createRequire(import.meta.resolve('neuroflare/client'));
for (const [name, one] of [${attempts.join(',\n')}]) {
  try { console.log(JSON.stringify([name, 'OK ' + String(await one()).slice(0, 200)])); }
  catch (error) { console.log(JSON.stringify([name, 'no ' + (error?.code ?? '') + ' ' + String(error?.message ?? error).slice(0, 200)])); }
}`;
  const order = await orderFor(folder, scriptWith(body).replace('import * as', head));
  const emit = (event: TaskEvent) => {
    if (event.type === 'log') printed += event.text;
  };
  try {
    const outcome = await job.run(order, watching({ limit, emit }));
    expect(outcome, JSON.stringify(outcome)).toMatchObject({ type: 'result' });
  } finally {
    await job.close();
  }
  const lines = printed
    .trim()
    .split('\n')
    .filter((line) => line.startsWith('['));
  return Object.fromEntries(lines.map((line) => JSON.parse(line) as [string, string]));
}

/** None of the ways worked. */
export function expectShut(
  came: Readonly<Record<string, string>>,
  codes: Readonly<Record<string, string>>,
): void {
  expect(Object.keys(came)).toEqual(Object.keys(codes));
  expect(Object.entries(came).filter(([, what]) => what.startsWith('OK'))).toEqual([]);
}
