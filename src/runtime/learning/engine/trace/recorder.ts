import {
  type BackendValues,
  type DataId,
  engine,
  getKernelsForBackend,
  KernelBackend,
  registerBackend,
  registerKernel,
  type Tensor,
  type TensorInfo,
} from '@tensorflow/tfjs-core';
import { flError } from '../../../base/errors/errors.ts';
import { type OnnxData, OnnxGraph } from '../onnx/graph.ts';
import { onBackend } from '../tfjs.ts';
import { withGradients } from './gradients.ts';
import { KernelCall, type TraceNotes } from './kernel-call.ts';
import { KERNEL_MAPPINGS } from './kernels/mappings.ts';
import { filled } from './kernels/shape.ts';
import { type SymbolicTensor, type SymbolicType, whole } from './symbolic.ts';

const BACKEND = 'neuroflare-trace';

/**
 * One pass of tfjs code in which nothing is computed: every kernel that tfjs calls (forward, backward, optimizer) becomes
 * nodes of a graph. Tensors made elsewhere enter as constants.
 */
export class Recorder {
  readonly graph = new OnnxGraph();
  /** Where in the model tfjs is at the moment, for messages; the caller keeps it up to date. */
  layer: string | undefined;
  /** Where tensors made elsewhere come from, if they are no constants. */
  origin: ((info: TensorInfo) => SymbolicTensor | undefined) | undefined;
  /** Inputs that stand in for numbers. */
  scalarInput: ((value: number) => SymbolicTensor | undefined) | undefined;
  readonly #forInference: boolean;
  readonly notes: TraceNotes = {
    sums: new Map(),
    masks: new Map(),
    unpoolings: new Map(),
    products: new Map(),
  };
  readonly #tensors = new WeakMap<DataId, SymbolicTensor>();
  readonly #hostValues = new WeakMap<DataId, OnnxData>();

  constructor({ forInference = false } = {}) {
    this.#forInference = forInference;
  }

  /** Runs tfjs code with kernels recorded here. */
  record<T>(work: () => T): T {
    registerRecordingBackend();
    const former = active;
    active = this;
    const restoreRandom = forbidRandom(() => this.where());
    try {
      return withGradients(() => onBackend(BACKEND, work));
    } finally {
      restoreRandom();
      active = former;
    }
  }

  /** A tfjs tensor that stands for a value of the graph. */
  tensor(symbolic: SymbolicTensor): Tensor {
    return engine().makeTensorFromTensorInfo(this.info(symbolic));
  }

  /** Lets an existing tensor, such as a variable, stand for a value of the graph. */
  bind(tensor: TensorInfo, symbolic: SymbolicTensor): void {
    this.#tensors.set(tensor.dataId, symbolic);
  }

  /** The value of the graph that a tensor stands for; a constant if it was made elsewhere. */
  symbolic(info: TensorInfo): SymbolicTensor {
    const known = this.#tensors.get(info.dataId);
    if (known) return known;
    const origin = this.origin?.(info);
    if (origin) {
      this.#tensors.set(info.dataId, origin);
      return origin;
    }
    const values = this.#hostValues.get(info.dataId) ?? hostData(engine().readSync(info.dataId), info);
    const symbolic = this.#constant(info, values);
    this.#tensors.set(info.dataId, symbolic);
    return symbolic;
  }

  run(kernel: string, inputs: Record<string, TensorInfo | undefined>, attributes: Record<string, unknown>) {
    const symbolic = Object.entries(inputs).flatMap(([name, info]) =>
      info ? [[name, this.symbolic(info)] as const] : [],
    );
    const layer = this.layer ?? symbolic.find(([, tensor]) => tensor.layer !== undefined)?.[1].layer;
    const where = layer === undefined ? 'the loss' : `layer '${layer}'`;
    const mapping = KERNEL_MAPPINGS[kernel];
    if (!mapping) throw flError('NF_ENGINE_KERNEL_UNMAPPED', { kernel, where });
    const [graph, notes, forInference] = [this.graph, this.notes, this.#forInference];
    const fields = { kernel, graph, notes, forInference, attributes, where };
    const result = mapping(new KernelCall({ ...fields, inputs: Object.fromEntries(symbolic) }));
    const info = (tensor: SymbolicTensor) => this.info(layer === undefined ? tensor : { ...tensor, layer });
    return Array.isArray(result) ? result.map(info) : info(result);
  }

  keepHostValues(dataId: DataId, values: BackendValues, as: { shape: number[]; dtype: string }): void {
    this.#hostValues.set(dataId, hostData(values, as));
  }

  hostValues(dataId: DataId): OnnxData {
    const values = this.#hostValues.get(dataId);
    if (!values) throw flError('NF_ENGINE_VALUE_READ', { where: this.where() });
    return values;
  }

  where(): string {
    return this.layer === undefined ? 'the loss' : `layer '${this.layer}'`;
  }

  info(symbolic: SymbolicTensor): TensorInfo {
    const dataId = {};
    this.#tensors.set(dataId, symbolic);
    return { dataId, shape: [...symbolic.shape], dtype: symbolic.dtype };
  }

  /** Constants whose elements are all equal are kept as one. */
  #constant(info: TensorInfo, values: OnnxData): SymbolicTensor {
    const dtype = symbolicType(info.dtype);
    const [first] = values;
    const standIn =
      values.length === 1 && dtype === 'float32' ? this.scalarInput?.(Number(first)) : undefined;
    if (standIn && info.shape.length === 0) return standIn;
    if (typeof first === 'number' && values.every((value: number | bigint) => value === first)) {
      return filled(this.graph, first, { shape: info.shape, dtype });
    }
    return { ...whole(this.graph.constant(dtype, info.shape, values), info.shape), dtype };
  }
}

let active: Recorder | undefined;
let registered = false;

function current(): Recorder {
  if (!active) throw new Error('The recording backend is in use outside a recording');
  return active;
}

/** Holds no data: tensors are kept by the recorder for as long as tfjs refers to them. */
class RecordingBackend extends KernelBackend {
  override write(values: BackendValues, shape: number[], dtype: string): DataId {
    const dataId = {};
    current().keepHostValues(dataId, values, { shape, dtype });
    return dataId;
  }
  override readSync(dataId: object): OnnxData & BackendValues {
    return current().hostValues(dataId) as OnnxData & BackendValues;
  }
  override async read(dataId: object): Promise<BackendValues> {
    return this.readSync(dataId);
  }
  override numDataIds(): number {
    return 0;
  }
  override disposeData(): boolean {
    return true;
  }
  override refCount(): number {
    return 1;
  }
  override incRef(): void {}
  decRef(): void {}
  override timerAvailable(): boolean {
    return false;
  }
  override floatPrecision(): 16 | 32 {
    return 32;
  }
  override epsilon(): number {
    return 1e-7;
  }
  override dispose(): void {}
}

function registerRecordingBackend(): void {
  if (registered) return;
  registered = true;
  registerBackend(BACKEND, () => new RecordingBackend(), 0);
  const known = getKernelsForBackend('cpu').map(({ kernelName }) => kernelName);
  for (const kernelName of new Set([...known, ...Object.keys(KERNEL_MAPPINGS)])) {
    registerKernel({
      kernelName,
      backendName: BACKEND,
      kernelFunc: ({ inputs, attrs }) => current().run(kernelName, inputs, attrs ?? {}),
    });
  }
}

/** What is drawn while tracing would be the same in every step: an error is better. */
function forbidRandom(where: () => string): () => void {
  const { random } = Math;
  Math.random = () => {
    throw flError('NF_ENGINE_RANDOM_UNSEEDED', { where: where() });
  };
  return () => {
    Math.random = random;
  };
}

function hostData(values: BackendValues, as: { dtype: string }): OnnxData {
  const Data = { float32: Float32Array, int32: Int32Array, bool: Uint8Array }[symbolicType(as.dtype)];
  return Data.from(values as ArrayLike<number>);
}

function symbolicType(dtype: string): SymbolicType {
  if (dtype === 'float32' || dtype === 'int32' || dtype === 'bool') return dtype;
  throw flError('NF_ENGINE_KERNEL_VARIANT', {
    kernel: 'constant',
    variant: `type ${dtype}`,
    where: current().where(),
  });
}
