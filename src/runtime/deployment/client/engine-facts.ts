import { counted } from '../../base/text/counted.ts';
import { ENGINE_NAMES } from '../../job/engine-choice.ts';
import { ENGINE_BUILDS } from '../../learning/engine/engine.ts';
import type { EngineUse } from '../../run/events.ts';

/** Package, version and build. */
const LIBRARY = new RegExp(
  `^(onnxruntime-(node|web)|@tensorflow/tfjs(-node|-node-gpu|-core|-backend-cpu)?) \\d{1,3}\\.\\d{1,3}\\.\\d{1,3} (${ENGINE_BUILDS.join('|')})$`,
);
/** The device as engines name it: with what computes on a GPU, and which one. */
const DEVICE = /^(cpu|gpu)$/;
const THREADS = /^(\d{1,4}) threads? a site/;

/**
 * What computed, as it may leave the site: a script can speak for its process, so each word is of a fixed list or form. Undefined where
 * one is of another; why an engine was chosen stays here.
 */
export function engineFacts({ name, device, library, detail }: EngineUse): EngineUse | undefined {
  const threads = THREADS.exec(detail)?.[1];
  const isKnown = ENGINE_NAMES.some((one) => one === name) && DEVICE.test(device) && LIBRARY.test(library);
  if (!isKnown || threads === undefined) return undefined;
  return { name, device, library, detail: `${counted(Number(threads), 'thread')} a site` };
}
