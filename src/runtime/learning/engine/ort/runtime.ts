import type { Env, InferenceSession, OnnxValue, Tensor, TensorConstructor } from 'onnxruntime-common';
import { nativeCall } from '../../../base/threads/native-gate.ts';
import { applyNativeSettings } from '../../../base/threads/native-settings.ts';
import { inTurn } from './gpu-turns.ts';
import { ortEntry } from './packages.ts';

/** What both builds of ONNX Runtime offer. */
interface OrtModule {
  readonly InferenceSession: {
    create(bytes: Uint8Array, options: InferenceSession.SessionOptions): Promise<InferenceSession>;
  };
  readonly Tensor: TensorConstructor;
  readonly env: Env;
}

/** Execution providers of onnxruntime-node; those on a GPU compute what they can and leave the rest to the CPU. */
export const GPU_PROVIDERS = ['cuda', 'webgpu'] as const;
export type Provider = 'cpu' | (typeof GPU_PROVIDERS)[number];

export interface GpuChoice {
  readonly provider: (typeof GPU_PROVIDERS)[number];
  /** Number of the GPU, from 0. */
  readonly index: number;
}

/** ONNX Runtime in one of its builds, with a number of threads. */
export interface OrtRuntime {
  readonly library: 'onnxruntime-node' | 'onnxruntime-web';
  readonly build: 'native' | 'wasm';
  readonly version: string;
  readonly threads: number;
  readonly provider: Provider;
  readonly gpu: GpuChoice | undefined;
  readonly Tensor: TensorConstructor;
  createSession(bytes: Uint8Array): Promise<OrtSession>;
}

/** What is used of a session. */
export interface OrtSession {
  readonly inputNames: readonly string[];
  run(
    feeds: Readonly<Record<string, Tensor>>,
    fetches?: Readonly<Record<string, Tensor | null>>,
  ): Promise<Readonly<Record<string, OnnxValue>>>;
  release(): Promise<void>;
}

/** Native code, for Linux and Windows (x64, arm64) and macOS (arm64); throws where it cannot be loaded. */
export async function loadNativeRuntime(threads: number, gpu?: GpuChoice): Promise<OrtRuntime> {
  applyNativeSettings();
  const module: OrtModule = await import(ortEntry('onnxruntime-node'));
  module.env.logLevel = 'error';
  const options = { ...sessionOptions(threads), executionProviders: providersOf(gpu) };
  return {
    library: 'onnxruntime-node',
    build: 'native',
    version: module.env.versions.node ?? module.env.versions.common,
    threads,
    provider: gpu?.provider ?? 'cpu',
    gpu,
    Tensor: module.Tensor,
    createSession: async (bytes) =>
      gated(await nativeCall(() => inTurn(gpu, () => module.InferenceSession.create(bytes, options))), gpu),
  };
}

function gated(session: OrtSession, gpu: GpuChoice | undefined): OrtSession {
  return {
    inputNames: session.inputNames,
    run: (feeds, fetches) => nativeCall(() => inTurn(gpu, () => session.run(feeds, fetches))),
    release: () => nativeCall(() => inTurn(gpu, () => session.release())),
  };
}

function providersOf(gpu: GpuChoice | undefined): ExecutionProvider[] {
  if (!gpu) return ['cpu'];
  // WebGPU has no numbers: it is the system's first GPU.
  const device = gpu.provider === 'cuda' ? { deviceId: gpu.index } : {};
  return [{ name: gpu.provider, ...device } as ExecutionProvider, 'cpu'];
}

type ExecutionProvider = InferenceSession.ExecutionProviderConfig;

/** WebAssembly, for everything else; the number of threads of the first call holds for the process. */
export async function loadWasmRuntime(threads: number): Promise<OrtRuntime> {
  const module: OrtModule = await import(ortEntry('onnxruntime-web'));
  module.env.logLevel = 'error';
  module.env.wasm.numThreads = threads;
  return {
    library: 'onnxruntime-web',
    build: 'wasm',
    version: module.env.versions.web ?? module.env.versions.common,
    threads,
    provider: 'cpu',
    gpu: undefined,
    Tensor: module.Tensor,
    createSession: (bytes) =>
      module.InferenceSession.create(bytes, { ...sessionOptions(threads), executionProviders: ['wasm'] }),
  };
}

function sessionOptions(threads: number): InferenceSession.SessionOptions {
  return {
    intraOpNumThreads: threads,
    interOpNumThreads: 1,
    executionMode: 'sequential',
    // From the second run on it would lay all that a run needs into one block, beside the pieces that the first run has taken and that
    // nobody gives back: the same speed, and twice the memory.
    enableMemPattern: false,
    graphOptimizationLevel: 'all',
    logSeverityLevel: 3,
  };
}
