import type { RoundRules } from '../algorithms/workflow.ts';
import { type ErrorReport, flError } from '../base/errors/errors.ts';
import type { Verdict } from './channel.ts';

/**
 * One round as a pure function: `(state, input) -> { state, verdict, effects }`. No clock, no sockets, no threads: whoever runs it
 * carries out the effects and brings the inputs. Membership is fixed when the round opens, and what an answer counts for is said here
 * alone. The answers themselves are in the run's history; here stand the names of those who gave them.
 *
 * open -> quorum -> closed, or aborted from the first two.
 */
export type RoundPhase = 'open' | 'quorum' | 'closed' | 'aborted';

export interface RoundState {
  readonly phase: RoundPhase;
  readonly rules: RoundRules;
  /** In site order. */
  readonly members: readonly string[];
  readonly answered: ReadonlySet<string>;
  /** In order of arrival: the first is the one to show. */
  readonly failures: ReadonlyMap<string, ErrorReport>;
}

export type RoundInput =
  | { readonly type: 'result'; readonly site: string }
  | { readonly type: 'failure'; readonly site: string; readonly error: ErrorReport }
  | { readonly type: 'quorum-timeout' }
  | { readonly type: 'abort' };

export type RoundEffect =
  | { readonly type: 'assign'; readonly site: string }
  | { readonly type: 'start-quorum-timer'; readonly seconds: number }
  | { readonly type: 'cancel'; readonly sites: readonly string[] }
  /** The round has what it needs: its answers are those that are there now. */
  | { readonly type: 'close' }
  /** It cannot get what it needs, or was stopped. */
  | { readonly type: 'abandon' };

export interface RoundStep {
  readonly state: RoundState;
  readonly effects: readonly RoundEffect[];
}

interface Opening {
  readonly rules: RoundRules;
  readonly members: readonly string[];
  /** Members whose answers were accepted before a restart. */
  readonly answered: readonly string[];
}

/** @throws NF_ROUND_MEMBERS with fewer members than the rules need, or without a mandatory one */
export function openRound({ rules, members, answered }: Opening): RoundStep {
  requireMembers(rules, members);
  const known = new Set(answered.filter((site) => members.includes(site)));
  const state: RoundState = { phase: 'open', rules, members, answered: known, failures: new Map() };
  const assigned = outstanding(state).map((site) => ({ type: 'assign', site }) as const);
  if (known.size === 0) return { state, effects: assigned };
  const { state: now, effects } = afterAnswer(state);
  if (isCollecting(now)) return { state: now, effects: [...assigned, ...effects] };
  // It ends at once: nobody was asked.
  return { state: now, effects: effects.filter(({ type }) => type !== 'cancel') };
}

/** What an answer of this site to this round counts for. */
export function verdictOn({ members, answered, failures, phase }: RoundState, site: string): Verdict {
  if (!members.includes(site)) return 'stranger';
  if (answered.has(site) || failures.has(site)) return 'duplicate';
  return phase === 'open' || phase === 'quorum' ? 'accepted' : 'late';
}

/** One that counts for nothing changes nothing. */
export function stepRound(state: RoundState, input: RoundInput): RoundStep {
  const nothing = { state, effects: [] };
  switch (input.type) {
    case 'result':
      if (verdictOn(state, input.site) !== 'accepted') return nothing;
      return afterAnswer({ ...state, answered: new Set(state.answered).add(input.site) });
    case 'failure':
      if (verdictOn(state, input.site) !== 'accepted') return nothing;
      return afterAnswer({ ...state, failures: new Map(state.failures).set(input.site, input.error) });
    case 'quorum-timeout':
      return state.phase === 'quorum' ? end(state, 'closed') : nothing;
    case 'abort':
      return isCollecting(state) ? end(state, 'aborted') : nothing;
  }
}

/** Members that have neither answered nor failed. */
export function outstanding(state: RoundState): string[] {
  return state.members.filter((site) => !state.answered.has(site) && !state.failures.has(site));
}

function requireMembers({ minClients, mandatory = [] }: RoundRules, members: readonly string[]): void {
  const missing = mandatory.filter((site) => !members.includes(site));
  if (missing.length > 0)
    throw flError('NF_ROUND_MEMBERS', { reason: `${missing.join(', ')} must be among its sites` });
  if (members.length < Math.max(1, minClients)) {
    const reason = `it has ${members.length} of the ${Math.max(1, minClients)} sites that it needs`;
    throw flError('NF_ROUND_MEMBERS', { reason });
  }
}

function afterAnswer(state: RoundState): RoundStep {
  const { minClients, waitTimeAfterMinReceived, target } = state.rules;
  if (!canSucceed(state)) return end(state, 'aborted');
  if (outstanding(state).length === 0) return end(state, 'closed');
  if (!hasQuorum(state, minClients)) return { state, effects: [] };
  if (target !== undefined && hasQuorum(state, target)) return end(state, 'closed');
  if (state.phase !== 'open' || waitTimeAfterMinReceived === undefined) return { state, effects: [] };
  return {
    state: { ...state, phase: 'quorum' },
    effects: [{ type: 'start-quorum-timer', seconds: waitTimeAfterMinReceived }],
  };
}

function canSucceed({ rules, members, failures }: RoundState): boolean {
  const { minClients, mandatory = [], mayFail = false } = rules;
  if (mayFail) return true;
  return members.length - failures.size >= minClients && !mandatory.some((site) => failures.has(site));
}

function hasQuorum({ rules: { mandatory = [] }, answered }: RoundState, size: number): boolean {
  return answered.size >= size && mandatory.every((site) => answered.has(site));
}

function end(state: RoundState, phase: 'closed' | 'aborted'): RoundStep {
  const sites = outstanding(state);
  const cancelled = sites.length > 0 ? [{ type: 'cancel', sites } as const] : [];
  return {
    state: { ...state, phase },
    effects: [...cancelled, { type: phase === 'closed' ? 'close' : 'abandon' }],
  };
}

function isCollecting({ phase }: RoundState): boolean {
  return phase === 'open' || phase === 'quorum';
}
