import { cpus } from 'node:os';
import { loadNativeRuntime, loadWasmRuntime, type OrtRuntime } from './runtime.ts';
import { leaseSession } from './session-cache.ts';

/** What a frozen graph gives for one picture. */
export interface FrozenOutput {
  readonly data: Float32Array;
  readonly shape: readonly number[];
}

/** A graph with constant weights, one input and one output. */
export interface FrozenGraph {
  /** Library, version and processor: results may differ in their last bits where this does. */
  readonly by: string;
  run(data: Float32Array, shape: readonly number[]): Promise<FrozenOutput>;
  release(): void;
}

let loaded: Promise<OrtRuntime> | undefined;

/** One thread on the CPU, whatever trains: the same picture has the same features with every engine and GPU. */
function frozenRuntime(): Promise<OrtRuntime> {
  loaded ??= loadNativeRuntime(1).catch(() => loadWasmRuntime(1));
  return loaded;
}

/**
 * An ONNX file ready to run, one picture at a time: in batches a picture's last bits may depend on the others.
 * @throws Error with the words of ONNX Runtime, which name the node, where it cannot be run
 */
export async function openFrozenGraph(
  bytes: Uint8Array,
  { input, output }: { readonly input: string; readonly output: string },
): Promise<FrozenGraph> {
  const runtime = await frozenRuntime();
  const { library, version, build, Tensor } = runtime;
  const lease = await leaseSession(runtime, bytes);
  return {
    by: `${library} ${version} ${build} ${cpus()[0]?.model.trim() ?? process.arch}`,
    run: async (data, shape) => {
      const given = await lease.session.run({ [input]: new Tensor('float32', data, shape) });
      const value = given[output];
      const floats: unknown = value && 'data' in value ? value.data : undefined;
      if (!value || !(floats instanceof Float32Array) || !('dims' in value))
        throw new Error(`'${output}' is no float32 array`);
      return { data: floats, shape: value.dims };
    },
    release: () => lease.release(),
  };
}
