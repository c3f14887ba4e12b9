import type { EngineChoice } from '../../job/engine-choice.ts';
import { createEngine, type EngineWish } from './registry.ts';

/** What computes, as a run or a client is asked to have it. */
export interface EngineOrder extends EngineWish {
  readonly choice: EngineChoice;
}

/**
 * Looks before work starts whether what was asked for is there: said once, and not looked for again by every script.
 * @returns the order as it can be met, and what is not
 * @throws as `createEngine`
 */
export async function settleGpu<Order extends EngineOrder>(
  order: Order,
): Promise<{ order: Order; warnings: readonly string[] }> {
  const { choice, gpu, requireGpu } = order;
  if (choice === 'auto' && gpu === undefined && !requireGpu) return { order, warnings: [] };
  const { warning } = await createEngine(choice, { gpu, requireGpu });
  return warning === undefined
    ? { order, warnings: [] }
    : { order: { ...order, gpu: undefined }, warnings: [warning] };
}
