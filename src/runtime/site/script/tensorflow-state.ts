import type { SharedObjects } from './shared-objects.ts';

/** What TensorFlow.js keeps for a whole thread, found where it puts it. */
interface TensorFlowGlobals {
  readonly _tfengine?: {
    readonly state: { readonly registeredVariables: object };
    readonly registryFactory: object;
    readonly ENV: { readonly flagRegistry: object };
  };
}

/** Variables, backends and flags that a script registers stay there for the scripts of other tasks. */
export function watchTensorFlow(shared: SharedObjects): void {
  const { _tfengine: engine } = globalThis as TensorFlowGlobals;
  if (!engine) return;
  shared.watch('tf.engine().registeredVariables', engine.state.registeredVariables);
  shared.watch('tf.engine().registryFactory', engine.registryFactory);
  shared.watch('tf.env().flagRegistry', engine.ENV.flagRegistry);
}
