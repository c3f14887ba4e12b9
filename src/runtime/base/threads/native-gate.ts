import { setTimeout as sleep } from 'node:timers/promises';

/**
 * `Worker.terminate` stops a thread's JavaScript at any moment. A native addon that is at work then cannot hand over its result, and
 * onnxruntime-node answers that with a C++ exception that ends the whole process. So native calls pass a gate, and whoever ends
 * the thread closes the gate first and waits for the call inside.
 */
export type NativeGate = Int32Array<SharedArrayBuffer>;

/** Cells of the gate: calls inside, and 1 once it is closed. */
const INSIDE = 0;
const CLOSED = 1;
/** A call that lasts longer is one that does not come back. */
const LIMIT_MS = 30_000;
const PAUSE_MS = 2;

export function makeNativeGate(): NativeGate {
  return new Int32Array(new SharedArrayBuffer(8));
}

let gate: NativeGate = makeNativeGate();

/** Makes native calls of this thread pass a gate that another thread can close. */
export function useNativeGate(shared: NativeGate): void {
  gate = shared;
}

/** A call into native code. Once the gate is closed it never begins: the thread is about to end. */
export async function nativeCall<Result>(call: () => Promise<Result>): Promise<Result> {
  Atomics.add(gate, INSIDE, 1);
  try {
    if (Atomics.load(gate, CLOSED) === 0) return await call();
  } finally {
    Atomics.sub(gate, INSIDE, 1);
  }
  return new Promise(() => undefined);
}

/** Settles when no native call is at work in the gate's thread and none can begin. */
export async function closeNativeGate(shared: NativeGate): Promise<void> {
  Atomics.store(shared, CLOSED, 1);
  const end = performance.now() + LIMIT_MS;
  while (Atomics.load(shared, INSIDE) > 0 && performance.now() < end) await sleep(PAUSE_MS);
}
