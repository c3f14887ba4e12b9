import type { Env, InferenceSession, OnnxValue, Tensor, TensorConstructor } from 'onnxruntime-web';
import { nativeCall } from '../../kernel/native-gate.ts';

/** What both builds of ONNX Runtime offer. */
interface OrtModule {
  readonly InferenceSession: {
    create(bytes: Uint8Array, options: InferenceSession.SessionOptions): Promise<InferenceSession>;
  };
  readonly Tensor: TensorConstructor;
  readonly env: Env;
}

/** ONNX Runtime in one of its builds, with a number of threads. */
export interface OrtRuntime {
  readonly library: 'onnxruntime-node' | 'onnxruntime-web';
  readonly build: 'native' | 'wasm';
  readonly version: string;
  readonly threads: number;
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
export async function loadNativeRuntime(threads: number): Promise<OrtRuntime> {
  const module: OrtModule = await import('onnxruntime-node');
  module.env.logLevel = 'error';
  return {
    library: 'onnxruntime-node',
    build: 'native',
    version: module.env.versions.node ?? module.env.versions.common,
    threads,
    Tensor: module.Tensor,
    createSession: async (bytes) =>
      gated(await nativeCall(() => module.InferenceSession.create(bytes, sessionOptions(threads)))),
  };
}

function gated(session: OrtSession): OrtSession {
  return {
    inputNames: session.inputNames,
    run: (feeds, fetches) => nativeCall(() => session.run(feeds, fetches)),
    release: () => nativeCall(() => session.release()),
  };
}

/** WebAssembly, for everything else; the number of threads of the first call holds for the process. */
export async function loadWasmRuntime(threads: number): Promise<OrtRuntime> {
  const module: OrtModule = await import('onnxruntime-web');
  module.env.logLevel = 'error';
  module.env.wasm.numThreads = threads;
  return {
    library: 'onnxruntime-web',
    build: 'wasm',
    version: module.env.versions.web ?? module.env.versions.common,
    threads,
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
    graphOptimizationLevel: 'all',
    logSeverityLevel: 3,
  };
}
