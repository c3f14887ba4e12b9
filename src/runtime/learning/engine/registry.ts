import { flError } from '../../base/errors/errors.ts';
import { reasonOf } from '../../base/errors/reason-of.ts';
import type { EngineChoice, EngineName } from '../../job/engine-choice.ts';
import type { Engine } from './engine.ts';

export interface EngineWish {
  /** GPU numbers as given to `--gpu`, e.g. `0` or `0,1`: threads are spread over them. Without it only tensorflow looks for one. */
  readonly gpu?: string | undefined;
  /** Refuse to compute on the CPU. */
  readonly requireGpu?: boolean | undefined;
  /** Threads inside one operation of the ort engine; default 1, since sites run side by side. */
  readonly threads?: number | undefined;
}

export interface ChosenEngine {
  readonly engine: Engine;
  /** What was asked for and is not given; for people and for the log. */
  readonly warning?: string;
}

/**
 * The engine of a run. `auto` takes tensorflow where it loads and sees a GPU, else ort; with `gpu` or `requireGpu` ort on a GPU
 * first: by CUDA, else by WebGPU. The reason is in `describe()`. An engine that is named is that one or an error.
 *
 * @throws NF_ENGINE_UNAVAILABLE, NF_ENGINE_GPU_MISSING (with `requireGpu`), NF_ENGINE_GPU_INVALID
 */
export async function createEngine(choice: EngineChoice, wish: EngineWish = {}): Promise<ChosenEngine> {
  if (wish.gpu !== undefined) checkGpuList(wish.gpu);
  const wantsGpu = wish.gpu !== undefined || wish.requireGpu === true;
  const tried: string[] = [];
  if (wantsGpu && (choice === 'auto' || choice === 'ort')) {
    const { createGpuEngine } = await import('./ort/gpu-engine.ts');
    const engine = await createGpuEngine(wish, (reason) => tried.push(reason));
    if (engine) return { engine };
  }
  const engine = await (choice === 'auto' ? automatic(wish) : makeEngine(choice, 'chosen by name', wish));
  if (engine.device === 'gpu' || !wantsGpu) return { engine };
  const reason = [...tried, await whyNoGpu(choice)].filter(Boolean).join(' ');
  if (wish.requireGpu) throw flError('NF_ENGINE_GPU_MISSING', { reason });
  return { engine, warning: `GPU ${wish.gpu} is not used, computing on the CPU: ${reason}` };
}

/** One engine, without looking at GPUs. */
export async function makeEngine(name: EngineName, reason: string, wish: EngineWish = {}): Promise<Engine> {
  if (name === 'tensorflow') {
    const { createTensorflowEngine } = await import('./eager/tensorflow-engine.ts');
    return createTensorflowEngine(reason);
  }
  if (name === 'cpu') {
    const { createCpuEngine } = await import('./eager/cpu-engine.ts');
    return createCpuEngine(reason);
  }
  return makeOrt(reason, wish.threads ?? 1);
}

async function automatic(wish: EngineWish): Promise<Engine> {
  const { loadTensorflow } = await import('./eager/tensorflow-engine.ts');
  try {
    const { device } = await loadTensorflow();
    if (device === 'gpu') return await makeEngine('tensorflow', 'auto: TensorFlow sees a GPU', wish);
    return await makeEngine(
      'ort',
      'auto: TensorFlow is installed but sees no GPU, and ort is faster on a CPU',
      wish,
    );
  } catch {
    const reason =
      "auto: the fastest on a CPU; a GPU is used by --gpu, or where TensorFlow's native library sees one";
    return makeEngine('ort', reason, wish);
  }
}

async function makeOrt(reason: string, threads: number): Promise<Engine> {
  try {
    return await makeOrtBuild('native', reason, threads);
  } catch (error) {
    const missing = reasonOf(error).split('\n')[0] ?? '';
    const why = `${reason}; WebAssembly, since onnxruntime-node cannot be loaded (${missing})`;
    return makeOrtBuild('wasm', why, threads);
  }
}

/** The ort engine on one build of ONNX Runtime; throws where that cannot be loaded. */
export async function makeOrtBuild(
  build: 'native' | 'wasm',
  reason: string,
  threads: number,
): Promise<Engine> {
  const { createOrtEngine } = await import('./ort/ort-engine.ts');
  const { loadNativeRuntime, loadWasmRuntime } = await import('./ort/runtime.ts');
  return createOrtEngine(await (build === 'native' ? loadNativeRuntime : loadWasmRuntime)(threads), reason);
}

async function whyNoGpu(choice: EngineChoice): Promise<string> {
  if (choice === 'ort') return '';
  if (choice === 'cpu') return 'engine cpu computes on the CPU.';
  const { loadTensorflow } = await import('./eager/tensorflow-engine.ts');
  try {
    await loadTensorflow();
    return 'TensorFlow sees no GPU.';
  } catch (error) {
    return reasonOf(error);
  }
}

function checkGpuList(gpu: string): void {
  if (!/^\d+(,\d+)*$/.test(gpu)) throw flError('NF_ENGINE_GPU_INVALID', { gpu });
}
