import { NeuroflareError } from '../../base/errors/errors.ts';
import type { CompiledFunction, Engine, FunctionOptions } from '../engine/engine.ts';

/** Failures that say: this engine cannot, another one can. */
const CANNOT = [
  'NF_ENGINE_KERNEL_UNMAPPED',
  'NF_ENGINE_KERNEL_VARIANT',
  'NF_ENGINE_VALUE_READ',
  'NF_ENGINE_RANDOM_UNSEEDED',
];

/**
 * What `work` gives on the engine; where that engine cannot and `allowed`, on one that computes operation by operation. That
 * another engine computes is said in the log of the site.
 */
export async function withFallback<T>(
  engine: Engine,
  allowed: boolean,
  work: (by: Engine) => Promise<T>,
): Promise<{ result: T; engine: Engine }> {
  try {
    return { result: await work(engine), engine };
  } catch (error) {
    if (!allowed || !(error instanceof NeuroflareError) || !CANNOT.includes(error.code)) throw error;
    const eager = await eagerEngine(`chosen because ${engine.name} cannot: ${error.message}`);
    const { name, device, library } = eager.describe();
    console.warn(
      `note: ${error.message} Training on engine ${name} (${library}, ${device}) instead, as allowEager has it.`,
    );
    return { result: await work(eager), engine: eager };
  }
}

/** A function on the engine, from the first call that it cannot do on an eager one. */
export function functionWithFallback(
  engine: Engine,
  work: Parameters<Engine['compileFunction']>[0],
  { allowEager = false, ...options }: FunctionOptions & { allowEager?: boolean },
): CompiledFunction {
  let current = engine.compileFunction(work, options);
  const call: CompiledFunction = Object.assign(
    async (...inputs: Parameters<CompiledFunction>) => {
      const { result, engine: used } = await withFallback(engine, allowEager, async (by) => {
        if (by !== engine) current = by.compileFunction(work, options);
        return current(...inputs);
      });
      engine = used;
      return result;
    },
    { graphCount: () => current.graphCount(), dispose: () => current.dispose() },
  );
  return call;
}

async function eagerEngine(reason: string): Promise<Engine> {
  const { makeEngine } = await import('../engine/registry.ts');
  return makeEngine('tensorflow', reason).catch(() => makeEngine('cpu', reason));
}
