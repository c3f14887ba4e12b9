import type { AcceptedResult, FileRef, TaskKind } from '../run/events.ts';
import type { AggregatorName } from './aggregator.ts';

/** What a workflow asks of the sites: one task each, on one model. */
export interface RoundRequest {
  readonly kind: TaskKind;
  /** From 1. */
  readonly round: number;
  readonly model: FileRef;
}

/**
 * The sites, seen from a workflow. Behind it are threads, local processes or hospitals; a round's answers come back in
 * site order, durable, with as many of them as the rules of the job ask for, or the call throws the first failure.
 */
export interface Federation {
  /** Where to start: 0 and the initial model, or the last closed training round and its model. */
  readonly position: { readonly round: number; readonly model: FileRef };
  collect(request: RoundRequest): Promise<readonly AcceptedResult[]>;
  /** Makes the new global model from the updates and closes the round, durably. */
  aggregate(
    request: RoundRequest,
    results: readonly AcceptedResult[],
    aggregator: AggregatorName,
  ): Promise<FileRef>;
  /** Closes a round that makes no model. */
  close(request: RoundRequest, results: readonly AcceptedResult[]): Promise<void>;
}

/** An algorithm of federated learning: which sites do what in which round. Returns the final model. */
export type Workflow = (federation: Federation, options: { numRounds: number }) => Promise<FileRef>;
