import { describe, expect, it } from 'vitest';
import type { RoundRules } from '../../../src/runtime/algorithms/workflow.ts';
import type { ErrorReport } from '../../../src/runtime/base/errors/errors.ts';
import {
  openRound,
  outstanding,
  type RoundEffect,
  type RoundInput,
  type RoundState,
  stepRound,
  verdictOn,
} from '../../../src/runtime/federation/round.ts';

const MEMBERS = ['a', 'b', 'c'];
const ERROR: ErrorReport = { code: 'NF_SCRIPT_FAILED', message: 'no', hint: 'yes', exitCode: 1 };

const result = (site: string): RoundInput => ({ type: 'result', site });
const failure = (site: string): RoundInput => ({ type: 'failure', site, error: ERROR });
const timeout: RoundInput = { type: 'quorum-timeout' };
const abort: RoundInput = { type: 'abort' };

const ALL: RoundRules = { minClients: 3 };
const TWO: RoundRules = { minClients: 2 };
const TWO_WAIT: RoundRules = { minClients: 2, waitTimeAfterMinReceived: 5 };
const WITH_A: RoundRules = { minClients: 2, waitTimeAfterMinReceived: 5, mandatory: ['a'] };
const FIRST_TWO: RoundRules = { minClients: 1, target: 2 };

interface Start {
  readonly rules: RoundRules;
  readonly members?: readonly string[];
  /** Before a restart. */
  readonly answered?: readonly string[];
}

/** Runs inputs and shows what the opening and each of them caused, as short words. */
function play(
  { rules, members = MEMBERS, answered = [] }: Start,
  inputs: readonly RoundInput[] = [],
): { state: RoundState; steps: string[] } {
  const opened = openRound({ rules, members, answered });
  let { state } = opened;
  const steps = inputs.map((input) => {
    const verdict = input.type === 'result' ? verdictOn(state, input.site) : 'accepted';
    const step = stepRound(state, input);
    const isSame = step.state === state;
    state = step.state;
    return verdict === 'accepted' ? shown(step.effects) : `${isSame ? 'ignore' : 'CHANGED'}:${verdict}`;
  });
  return { state, steps: [shown(opened.effects), ...steps] };
}

function shown(effects: readonly RoundEffect[]): string {
  return effects.map(word).join(' ');
}

function word(effect: RoundEffect): string {
  if (effect.type === 'assign') return `assign:${effect.site}`;
  if (effect.type === 'cancel') return `cancel:${effect.sites.join('+')}`;
  return effect.type === 'start-quorum-timer' ? `timer:${effect.seconds}` : effect.type;
}

interface Row extends Start {
  readonly what: string;
  readonly inputs: readonly RoundInput[];
  /** Of the last input, or of the opening. */
  readonly effects: string;
  readonly phase: RoundState['phase'];
}

const ROWS: readonly Row[] = [
  {
    what: 'opening assigns every member',
    rules: ALL,
    inputs: [],
    effects: 'assign:a assign:b assign:c',
    phase: 'open',
  },
  {
    what: 'an answer before all is only kept',
    rules: ALL,
    inputs: [result('b')],
    effects: '',
    phase: 'open',
  },
  {
    what: 'the last answer starts the aggregation',
    rules: ALL,
    inputs: [result('c'), result('a'), result('b')],
    effects: 'close',
    phase: 'closed',
  },
  {
    what: 'without a wait a quorum still waits for all',
    rules: TWO,
    inputs: [result('a'), result('b')],
    effects: '',
    phase: 'open',
  },
  {
    what: 'a quorum with a wait starts the timer',
    rules: TWO_WAIT,
    inputs: [result('a'), result('b')],
    effects: 'timer:5',
    phase: 'quorum',
  },
  {
    what: 'the last answer within the wait aggregates at once',
    rules: TWO_WAIT,
    inputs: [result('a'), result('b'), result('c')],
    effects: 'close',
    phase: 'closed',
  },
  {
    what: 'the end of the wait cancels who is missing and aggregates',
    rules: TWO_WAIT,
    inputs: [result('a'), result('b'), timeout],
    effects: 'cancel:c close',
    phase: 'closed',
  },
  {
    what: 'a timer that fires before the quorum means nothing',
    rules: TWO_WAIT,
    inputs: [result('a'), timeout],
    effects: '',
    phase: 'open',
  },
  {
    what: 'a timer that fires twice aggregates once',
    rules: TWO_WAIT,
    inputs: [result('a'), result('b'), timeout, timeout],
    effects: '',
    phase: 'closed',
  },
  {
    what: 'a duplicate is ignored',
    rules: ALL,
    inputs: [result('a'), result('a')],
    effects: 'ignore:duplicate',
    phase: 'open',
  },
  {
    what: 'a stranger is ignored',
    rules: ALL,
    inputs: [result('mallory')],
    effects: 'ignore:stranger',
    phase: 'open',
  },
  {
    what: 'an answer after the wait is late',
    rules: TWO_WAIT,
    inputs: [result('a'), result('b'), timeout, result('c')],
    effects: 'ignore:late',
    phase: 'closed',
  },
  {
    what: 'an answer after the close is late',
    rules: TWO_WAIT,
    inputs: [result('a'), result('b'), timeout, result('c')],
    effects: 'ignore:late',
    phase: 'closed',
  },
  {
    what: 'a failure that leaves too few aborts and cancels the others',
    rules: ALL,
    inputs: [result('a'), failure('b')],
    effects: 'cancel:c abandon',
    phase: 'aborted',
  },
  {
    what: 'a failure that leaves enough goes on',
    rules: TWO,
    inputs: [failure('b')],
    effects: '',
    phase: 'open',
  },
  {
    what: 'a result of a site that failed before is ignored',
    rules: TWO,
    inputs: [failure('b'), result('b')],
    effects: 'ignore:duplicate',
    phase: 'open',
  },
  {
    what: 'who is left after a failure completes the round',
    rules: TWO,
    inputs: [failure('b'), result('a'), result('c')],
    effects: 'close',
    phase: 'closed',
  },
  {
    what: 'a failure as the last answer completes the round',
    rules: TWO,
    inputs: [result('a'), result('c'), failure('b')],
    effects: 'close',
    phase: 'closed',
  },
  {
    what: 'a second failure below the quorum aborts',
    rules: TWO,
    inputs: [failure('b'), failure('a')],
    effects: 'cancel:c abandon',
    phase: 'aborted',
  },
  {
    what: 'a failure told twice counts once',
    rules: TWO,
    inputs: [failure('b'), failure('b')],
    effects: '',
    phase: 'open',
  },
  {
    what: 'a failure of who has answered changes nothing',
    rules: ALL,
    inputs: [result('a'), failure('a')],
    effects: '',
    phase: 'open',
  },
  {
    what: "a stranger's failure changes nothing",
    rules: ALL,
    inputs: [failure('mallory')],
    effects: '',
    phase: 'open',
  },
  {
    what: 'a failure during the wait that completes the round aggregates',
    rules: TWO_WAIT,
    inputs: [result('a'), result('b'), failure('c')],
    effects: 'close',
    phase: 'closed',
  },
  {
    what: 'stopping an open round cancels who is missing',
    rules: ALL,
    inputs: [result('a'), abort],
    effects: 'cancel:b+c abandon',
    phase: 'aborted',
  },
  {
    what: 'stopping in the wait cancels who is missing',
    rules: TWO_WAIT,
    inputs: [result('a'), result('b'), abort],
    effects: 'cancel:c abandon',
    phase: 'aborted',
  },
  {
    what: 'stopping twice ends once',
    rules: ALL,
    inputs: [abort, abort],
    effects: '',
    phase: 'aborted',
  },
  {
    what: 'an aggregation is not stopped half-way',
    rules: { minClients: 1 },
    members: ['a'],
    inputs: [result('a'), abort],
    effects: '',
    phase: 'closed',
  },
  {
    what: 'a quorum lacks the mandatory member: no timer yet',
    rules: WITH_A,
    inputs: [result('b'), result('c')],
    effects: '',
    phase: 'open',
  },
  {
    what: 'the mandatory member completes the quorum',
    rules: WITH_A,
    inputs: [result('b'), result('a')],
    effects: 'timer:5',
    phase: 'quorum',
  },
  {
    what: 'a mandatory member fails: the round cannot be saved by the others',
    rules: WITH_A,
    inputs: [failure('a')],
    effects: 'cancel:b+c abandon',
    phase: 'aborted',
  },
  {
    what: 'more were asked than are wanted: the first ones end the round',
    rules: FIRST_TWO,
    inputs: [result('c'), result('a')],
    effects: 'cancel:b close',
    phase: 'closed',
  },
  {
    what: 'of more than are wanted one may fail',
    rules: FIRST_TWO,
    inputs: [result('c'), failure('a'), result('b')],
    effects: 'close',
    phase: 'closed',
  },
  {
    what: 'the wanted number waits for a mandatory member',
    rules: { ...FIRST_TWO, mandatory: ['a'] },
    inputs: [result('b'), result('c')],
    effects: '',
    phase: 'open',
  },
  {
    what: 'of a round that goes on only those are asked who have not answered',
    rules: ALL,
    answered: ['b'],
    inputs: [],
    effects: 'assign:a assign:c',
    phase: 'open',
  },
  {
    what: 'a round that goes on with a quorum waits again',
    rules: TWO_WAIT,
    answered: ['a', 'b'],
    inputs: [],
    effects: 'assign:c timer:5',
    phase: 'quorum',
  },
  {
    what: 'a round that goes on with all answers closes and asks nobody',
    rules: TWO_WAIT,
    answered: MEMBERS,
    inputs: [],
    effects: 'close',
    phase: 'closed',
  },
  {
    what: 'an answer of before that is no member’s counts for nothing',
    rules: TWO,
    answered: ['mallory'],
    inputs: [],
    effects: 'assign:a assign:b assign:c',
    phase: 'open',
  },
];

describe('a round', () => {
  it.each(ROWS)('$what', ({ inputs, effects, phase, ...start }) => {
    const { state, steps } = play(start, inputs);
    expect({ effects: steps.at(-1), phase: state.phase }).toEqual({ effects, phase });
  });

  it.each([
    ['fewer members than it needs', { rules: ALL, members: ['a', 'b'] }, '2 of the 3 sites'],
    ['no member at all', { rules: { minClients: 0 }, members: [] }, '0 of the 1 sites'],
    ['no mandatory member', { rules: WITH_A, members: ['b', 'c'] }, 'a must be among its sites'],
  ])('with %s does not open, which is said', (_, start, reason) => {
    expect(() => play(start)).toThrow(
      expect.objectContaining({ code: 'NF_ROUND_MEMBERS', message: expect.stringContaining(reason) }),
    );
  });

  it('keeps failures in their order of arrival', () => {
    const { state } = play({ rules: { minClients: 1 } }, [failure('c'), failure('a')]);
    expect([...state.failures.keys()]).toEqual(['c', 'a']);
  });

  it('knows who has still to answer, in site order', () => {
    expect(outstanding(play({ rules: { minClients: 1 } }, [failure('b')]).state)).toEqual(['a', 'c']);
  });

  it('never changes the state it was given', () => {
    const { state } = play({ rules: ALL }, [result('a')]);
    const before = structuredClone(state);
    for (const input of [result('b'), failure('c'), abort]) stepRound(state, input);
    expect(state).toEqual(before);
  });
});
