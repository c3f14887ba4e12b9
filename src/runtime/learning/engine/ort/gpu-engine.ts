import { readdirSync } from 'node:fs';
import { join } from 'node:path';
import { threadId } from 'node:worker_threads';
import { reasonOf } from '../../../base/errors/reason-of.ts';
import { isThere } from '../../../base/files/is-there.ts';
import type { Engine } from '../engine.ts';
import { shareGpus } from './gpu-turns.ts';
import { createOrtEngine } from './ort-engine.ts';
import { ortFolder } from './packages.ts';
import { requireGpu } from './probe-gpu.ts';
import { GPU_PROVIDERS, type GpuChoice, loadNativeRuntime } from './runtime.ts';

/**
 * The ort engine on a GPU: by CUDA, else by WebGPU; nothing where neither computes here. Threads are spread over the GPUs of the wish in
 * turn; those that share one take turns.
 * @param tell why a provider was not taken, a sentence each
 */
export async function createGpuEngine(
  { gpu = '0', threads = 1 }: { gpu?: string | undefined; threads?: number | undefined },
  tell: (reason: string) => void,
): Promise<Engine | undefined> {
  shareGpus();
  const indices = gpu.split(',').map(Number);
  const index = indices[threadId % indices.length] ?? 0;
  for (const provider of GPU_PROVIDERS) {
    try {
      requireProvider({ provider, index });
      await requireGpu({ provider, index });
      const runtime = await loadNativeRuntime(threads, { provider, index });
      return createOrtEngine(runtime, `GPU ${index} by ${NAMES[provider]}`);
    } catch (error) {
      tell(`${NAMES[provider]} cannot be used (${reasonOf(error)}).`);
    }
  }
  return undefined;
}

const NAMES: Record<GpuChoice['provider'], string> = { cuda: 'CUDA', webgpu: 'WebGPU' };

/** Asked for what is not there, ONNX Runtime writes to stderr by itself. */
function requireProvider({ provider, index }: GpuChoice): void {
  if (provider === 'webgpu') {
    if (index > 0) throw new Error("it computes on the system's first GPU only");
    return;
  }
  const builds = join(ortFolder('onnxruntime-node'), 'bin', 'napi-v6', process.platform, process.arch);
  const library = isThere(builds) && readdirSync(builds).some((file) => file.includes('providers_cuda'));
  if (!library) throw new Error("onnxruntime-node's CUDA library is not installed");
}
