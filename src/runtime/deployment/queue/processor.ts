import { readFile } from 'node:fs/promises';
import { arch, cpus } from 'node:os';
import type { JobDefinition } from '../../job/definition.ts';
import { createEngine } from '../../learning/engine/registry.ts';
import type { EngineSetup } from '../../site/executor/messages.ts';

/** Widest first, as kernels choose among them. */
const VECTORS: readonly (readonly [flag: string, name: string])[] = [
  ['avx512_vnni', 'avx512-vnni'],
  ['avx512f', 'avx512'],
  ['avx_vnni', 'avx2-vnni'],
  ['avx2', 'avx2'],
  ['avx', 'avx'],
  ['sve2', 'sve2'],
  ['sve', 'sve'],
  ['i8mm', 'neon-i8mm'],
  ['asimddp', 'neon-dotprod'],
  ['asimd', 'neon'],
];

/** What decides which kernels a processor runs, by the flags that Linux shows (proc(5), /proc/cpuinfo). */
export function vectorsOf(flags: string): string {
  const there = new Set(flags.split(/\s+/));
  return VECTORS.find(([flag]) => there.has(flag))?.[1] ?? 'plain';
}

/** E.g. `x64 avx512-vnni`. Where the system shows no flags it is the processor's name. */
export async function processorOf(): Promise<string> {
  const text = await readFile('/proc/cpuinfo', 'utf8').catch(() => '');
  const flags = /^(?:flags|Features)\s*:\s*(.*)$/m.exec(text)?.[1];
  return `${arch()} ${flags === undefined ? (cpus()[0]?.model ?? 'unknown') : vectorsOf(flags)}`;
}

/**
 * What must be the same wherever a task runs, so that it gives the same bits: engine, its build, device, processor, threads inside one operation.
 * @throws as `createEngine`
 */
export async function hardwareClass(engine: EngineSetup, { executor }: JobDefinition): Promise<string> {
  const processor = await processorOf();
  if (executor.type === 'python') return `${processor}, python`;
  const { choice, ...wish } = engine;
  const chosen = await createEngine(choice, wish);
  const { library, version, build, device, provider, threads } = chosen.engine.describe();
  return `${processor}, ${library} ${version} ${build} on ${provider ?? device}, threads ${threads}`;
}
