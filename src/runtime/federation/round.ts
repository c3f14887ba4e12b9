import type { ErrorReport } from '../kernel/errors.ts';
import type { AcceptedResult } from '../run/events.ts';

/**
 * One round as a pure function: `(state, event) -> { state, effects }`. No clock, no sockets, no threads: whoever runs
 * it carries out the effects and brings the events. Membership is fixed when the round opens.
 *
 * waiting -> open -> quorum -> aggregating -> closed, or aborted from any of the first three.
 */
export type RoundPhase = 'waiting' | 'open' | 'quorum' | 'aggregating' | 'closed' | 'aborted';

export interface RoundRules {
  /** Results the round needs. */
  readonly minClients: number;
  /** Sites whose result it needs in any case. */
  readonly mandatory?: readonly string[];
  /** Seconds to wait for the others once these have answered; undefined waits for all. */
  readonly waitAfterQuorum?: number;
  /** Results that end the round at once, where more sites were asked than are wanted. */
  readonly target?: number;
}

export interface RoundState {
  readonly phase: RoundPhase;
  readonly rules: RoundRules;
  /** In site order. */
  readonly members: readonly string[];
  readonly results: ReadonlyMap<string, AcceptedResult>;
  /** In order of arrival: the first is the one to show. */
  readonly failures: ReadonlyMap<string, ErrorReport>;
}

export type RoundInput =
  | { readonly type: 'open'; readonly members: readonly string[] }
  | { readonly type: 'result'; readonly result: AcceptedResult }
  | { readonly type: 'failure'; readonly site: string; readonly error: ErrorReport }
  | { readonly type: 'quorum-timeout' }
  | { readonly type: 'aggregated' }
  | { readonly type: 'abort' };

export type RoundEffect =
  | { readonly type: 'assign'; readonly site: string }
  /** A result that changes nothing: the site answered before, is no member, or the round has moved on. */
  | { readonly type: 'ignore'; readonly site: string; readonly reason: 'duplicate' | 'stranger' | 'late' }
  | { readonly type: 'start-quorum-timer'; readonly seconds: number }
  | { readonly type: 'aggregate' }
  | { readonly type: 'cancel'; readonly sites: readonly string[] }
  | { readonly type: 'finish' };

export interface RoundStep {
  readonly state: RoundState;
  readonly effects: readonly RoundEffect[];
}

export function newRound(rules: RoundRules): RoundState {
  return { phase: 'waiting', rules, members: [], results: new Map(), failures: new Map() };
}

export function stepRound(state: RoundState, input: RoundInput): RoundStep {
  switch (input.type) {
    case 'open':
      return open(state, input.members);
    case 'result':
      return takeResult(state, input.result);
    case 'failure':
      return takeFailure(state, input);
    case 'quorum-timeout':
      return state.phase === 'quorum' ? aggregate(state) : { state, effects: [] };
    case 'aggregated':
      return state.phase === 'aggregating' ? end(state, 'closed') : { state, effects: [] };
    case 'abort':
      return isCollecting(state) ? end(state, 'aborted') : { state, effects: [] };
  }
}

/** Members that have neither answered nor failed. */
export function outstanding(state: RoundState): string[] {
  return state.members.filter((site) => !state.results.has(site) && !state.failures.has(site));
}

function open(state: RoundState, members: readonly string[]): RoundStep {
  const { minClients, mandatory = [] } = state.rules;
  const enough = members.length >= minClients && mandatory.every((site) => members.includes(site));
  if (state.phase !== 'waiting' || !enough) return { state, effects: [] };
  return {
    state: { ...state, phase: 'open', members },
    effects: members.map((site) => ({ type: 'assign', site })),
  };
}

function takeResult(state: RoundState, result: AcceptedResult): RoundStep {
  const { site } = result;
  const ignore = (reason: 'duplicate' | 'stranger' | 'late'): RoundStep => ({
    state,
    effects: [{ type: 'ignore', site, reason }],
  });
  if (!state.members.includes(site)) return ignore('stranger');
  if (state.results.has(site) || state.failures.has(site)) return ignore('duplicate');
  if (!isCollecting(state)) return ignore('late');
  return afterAnswer({ ...state, results: new Map(state.results).set(site, result) });
}

function takeFailure(state: RoundState, { site, error }: { site: string; error: ErrorReport }): RoundStep {
  const settled = state.results.has(site) || state.failures.has(site);
  if (!isCollecting(state) || settled || !state.members.includes(site)) return { state, effects: [] };
  return afterAnswer({ ...state, failures: new Map(state.failures).set(site, error) });
}

function afterAnswer(state: RoundState): RoundStep {
  const { minClients, waitAfterQuorum, target } = state.rules;
  if (!canSucceed(state)) return end(state, 'aborted');
  if (outstanding(state).length === 0) return aggregate(state);
  if (!hasQuorum(state, minClients)) return { state, effects: [] };
  if (target !== undefined && hasQuorum(state, target)) return aggregate(state);
  if (state.phase !== 'open' || waitAfterQuorum === undefined) return { state, effects: [] };
  return {
    state: { ...state, phase: 'quorum' },
    effects: [{ type: 'start-quorum-timer', seconds: waitAfterQuorum }],
  };
}

function canSucceed({ rules: { minClients, mandatory = [] }, members, failures }: RoundState): boolean {
  return members.length - failures.size >= minClients && !mandatory.some((site) => failures.has(site));
}

function hasQuorum({ rules: { mandatory = [] }, results }: RoundState, size: number): boolean {
  return results.size >= size && mandatory.every((site) => results.has(site));
}

function aggregate(state: RoundState): RoundStep {
  return {
    state: { ...state, phase: 'aggregating' },
    effects: [...cancelOutstanding(state), { type: 'aggregate' }],
  };
}

function end(state: RoundState, phase: 'closed' | 'aborted'): RoundStep {
  const cancelled = phase === 'aborted' ? cancelOutstanding(state) : [];
  return { state: { ...state, phase }, effects: [...cancelled, { type: 'finish' }] };
}

function cancelOutstanding(state: RoundState): RoundEffect[] {
  const sites = outstanding(state);
  return sites.length > 0 ? [{ type: 'cancel', sites }] : [];
}

function isCollecting(state: RoundState): boolean {
  return state.phase === 'open' || state.phase === 'quorum';
}
