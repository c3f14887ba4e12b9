import { execFile } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { getEnvironmentData, setEnvironmentData } from 'node:worker_threads';
import { reasonOf } from '../../../base/errors/reason-of.ts';
import { MODULE_EXTENSION } from '../../../base/files/module-file.ts';
import { encodeModel } from '../onnx/encode.ts';
import { OnnxGraph } from '../onnx/graph.ts';
import { type GpuChoice, loadNativeRuntime } from './runtime.ts';

const ENTRY = fileURLToPath(new URL(`./probe-gpu-entry${MODULE_EXTENSION}`, import.meta.url));
const LIMIT_MS = 120_000;
const WORKS = '';

/**
 * Throws where a GPU does not compute. It is tried in a process of its own, once: a driver that is not there makes the native library
 * write to stderr by itself, past everything that is shown here. Threads that are started later know what came of it.
 */
export async function requireGpu(gpu: GpuChoice): Promise<void> {
  const key = `neuroflare.gpu.${gpu.provider}.${gpu.index}`;
  let fault = getEnvironmentData(key);
  if (typeof fault !== 'string') {
    fault = await faultInProcess(gpu);
    setEnvironmentData(key, fault);
  }
  if (fault !== WORKS) throw new Error(String(fault));
}

async function faultInProcess({ provider, index }: GpuChoice): Promise<string> {
  try {
    // It says what is wrong on stdout, and nothing if all is well.
    const { stdout } = await promisify(execFile)(process.execPath, [ENTRY, provider, String(index)], {
      timeout: LIMIT_MS,
      env: { ...process.env, NODE_OPTIONS: '' },
    });
    return stdout.trim();
  } catch (error) {
    // A process that may start no others looks by itself.
    if ((error as NodeJS.ErrnoException).code === 'ERR_ACCESS_DENIED') return gpuFault({ provider, index });
    return 'the process that tried it has ended';
  }
}

/** Why a GPU cannot be used; empty where it squares four numbers. */
export async function gpuFault(gpu: GpuChoice): Promise<string> {
  try {
    const runtime = await loadNativeRuntime(1, gpu);
    const graph = new OnnxGraph();
    graph.input({ name: 'x', type: 'float32', shape: [4] });
    graph.output({ name: 'y', type: 'float32', shape: [4] }, graph.op('Mul', ['x', 'x']));
    const session = await runtime.createSession(encodeModel(graph.live()));
    const { y } = await session.run({ x: new runtime.Tensor('float32', Float32Array.of(1, 2, 3, 4), [4]) });
    await session.release();
    const seen = y && 'data' in y ? [...(y.data as Float32Array)].join() : 'nothing';
    return seen === '1,4,9,16' ? WORKS : `it computes ${seen} instead of 1,4,9,16`;
  } catch (error) {
    return nativeReason(error);
  }
}

/** What the native library says, without the place in its sources. */
function nativeReason(error: unknown): string {
  const text = reasonOf(error);
  return (text.split(/was false\.\s*/).at(-1) ?? text).split('\n')[0]?.trim().replace(/\.$/, '') ?? '';
}
