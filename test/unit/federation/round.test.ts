import { describe, expect, it } from 'vitest';
import {
  newRound,
  outstanding,
  type RoundInput,
  type RoundRules,
  type RoundState,
  stepRound,
} from '../../../src/runtime/federation/round.ts';
import type { ErrorReport } from '../../../src/runtime/kernel/errors.ts';
import type { AcceptedResult } from '../../../src/runtime/run/events.ts';

const MEMBERS = ['a', 'b', 'c'];
const ERROR: ErrorReport = { code: 'NF_SCRIPT_FAILED', message: 'no', hint: 'yes', exitCode: 1 };

const open = (members: readonly string[] = MEMBERS): RoundInput => ({ type: 'open', members });
const result = (site: string): RoundInput => ({ type: 'result', result: answer(site) });
const failure = (site: string): RoundInput => ({ type: 'failure', site, error: ERROR });
const timeout: RoundInput = { type: 'quorum-timeout' };
const aggregated: RoundInput = { type: 'aggregated' };
const abort: RoundInput = { type: 'abort' };

const ALL: RoundRules = { minClients: 3 };
const TWO: RoundRules = { minClients: 2 };
const TWO_WAIT: RoundRules = { minClients: 2, waitAfterQuorum: 5 };
const WITH_A: RoundRules = { minClients: 2, waitAfterQuorum: 5, mandatory: ['a'] };
const FIRST_TWO: RoundRules = { minClients: 1, target: 2 };

function answer(site: string): AcceptedResult {
  return { site, paramsType: 'FULL', numExamples: 1, metrics: {}, seconds: 0 };
}

/** Runs inputs and shows what each caused, as short words. */
function play(rules: RoundRules, inputs: readonly RoundInput[]): { state: RoundState; steps: string[] } {
  let state = newRound(rules);
  const steps = inputs.map((input) => {
    const step = stepRound(state, input);
    state = step.state;
    return step.effects.map(shown).join(' ');
  });
  return { state, steps };
}

function shown(effect: ReturnType<typeof stepRound>['effects'][number]): string {
  if (effect.type === 'ignore') return `ignore:${effect.site}:${effect.reason}`;
  if (effect.type === 'assign') return `assign:${effect.site}`;
  if (effect.type === 'cancel') return `cancel:${effect.sites.join('+')}`;
  return effect.type === 'start-quorum-timer' ? `timer:${effect.seconds}` : effect.type;
}

interface Row {
  readonly what: string;
  readonly rules: RoundRules;
  readonly inputs: readonly RoundInput[];
  /** Effects of the last input. */
  readonly effects: string;
  readonly phase: RoundState['phase'];
}

const ROWS: readonly Row[] = [
  {
    what: 'opening assigns every member',
    rules: ALL,
    inputs: [open()],
    effects: 'assign:a assign:b assign:c',
    phase: 'open',
  },
  {
    what: 'opening with fewer members than needed does nothing',
    rules: ALL,
    inputs: [open(['a', 'b'])],
    effects: '',
    phase: 'waiting',
  },
  {
    what: 'a second opening changes no membership',
    rules: ALL,
    inputs: [open(), open(['x', 'y', 'z'])],
    effects: '',
    phase: 'open',
  },
  {
    what: 'an answer before all is only kept',
    rules: ALL,
    inputs: [open(), result('b')],
    effects: '',
    phase: 'open',
  },
  {
    what: 'the last answer starts the aggregation',
    rules: ALL,
    inputs: [open(), result('c'), result('a'), result('b')],
    effects: 'aggregate',
    phase: 'aggregating',
  },
  {
    what: 'without a wait a quorum still waits for all',
    rules: TWO,
    inputs: [open(), result('a'), result('b')],
    effects: '',
    phase: 'open',
  },
  {
    what: 'a quorum with a wait starts the timer',
    rules: TWO_WAIT,
    inputs: [open(), result('a'), result('b')],
    effects: 'timer:5',
    phase: 'quorum',
  },
  {
    what: 'the last answer within the wait aggregates at once',
    rules: TWO_WAIT,
    inputs: [open(), result('a'), result('b'), result('c')],
    effects: 'aggregate',
    phase: 'aggregating',
  },
  {
    what: 'the end of the wait cancels who is missing and aggregates',
    rules: TWO_WAIT,
    inputs: [open(), result('a'), result('b'), timeout],
    effects: 'cancel:c aggregate',
    phase: 'aggregating',
  },
  {
    what: 'a timer that fires before the quorum means nothing',
    rules: TWO_WAIT,
    inputs: [open(), result('a'), timeout],
    effects: '',
    phase: 'open',
  },
  {
    what: 'a timer that fires twice aggregates once',
    rules: TWO_WAIT,
    inputs: [open(), result('a'), result('b'), timeout, timeout],
    effects: '',
    phase: 'aggregating',
  },
  {
    what: 'a duplicate is ignored',
    rules: ALL,
    inputs: [open(), result('a'), result('a')],
    effects: 'ignore:a:duplicate',
    phase: 'open',
  },
  {
    what: 'a stranger is ignored',
    rules: ALL,
    inputs: [open(), result('mallory')],
    effects: 'ignore:mallory:stranger',
    phase: 'open',
  },
  {
    what: 'an answer before the opening comes from a stranger',
    rules: ALL,
    inputs: [result('a')],
    effects: 'ignore:a:stranger',
    phase: 'waiting',
  },
  {
    what: 'an answer after the wait is late',
    rules: TWO_WAIT,
    inputs: [open(), result('a'), result('b'), timeout, result('c')],
    effects: 'ignore:c:late',
    phase: 'aggregating',
  },
  {
    what: 'an answer after the close is late',
    rules: TWO_WAIT,
    inputs: [open(), result('a'), result('b'), timeout, aggregated, result('c')],
    effects: 'ignore:c:late',
    phase: 'closed',
  },
  {
    what: 'the model closes the round',
    rules: { minClients: 1 },
    inputs: [open(['a']), result('a'), aggregated],
    effects: 'finish',
    phase: 'closed',
  },
  {
    what: 'a model that nobody asked for is ignored',
    rules: ALL,
    inputs: [open(), aggregated],
    effects: '',
    phase: 'open',
  },
  {
    what: 'a failure that leaves too few aborts and cancels the others',
    rules: ALL,
    inputs: [open(), result('a'), failure('b')],
    effects: 'cancel:c finish',
    phase: 'aborted',
  },
  {
    what: 'a failure that leaves enough goes on',
    rules: TWO,
    inputs: [open(), failure('b')],
    effects: '',
    phase: 'open',
  },
  {
    what: 'a result of a site that failed before is ignored',
    rules: TWO,
    inputs: [open(), failure('b'), result('b')],
    effects: 'ignore:b:duplicate',
    phase: 'open',
  },
  {
    what: 'who is left after a failure completes the round',
    rules: TWO,
    inputs: [open(), failure('b'), result('a'), result('c')],
    effects: 'aggregate',
    phase: 'aggregating',
  },
  {
    what: 'a failure as the last answer completes the round',
    rules: TWO,
    inputs: [open(), result('a'), result('c'), failure('b')],
    effects: 'aggregate',
    phase: 'aggregating',
  },
  {
    what: 'a second failure below the quorum aborts',
    rules: TWO,
    inputs: [open(), failure('b'), failure('a')],
    effects: 'cancel:c finish',
    phase: 'aborted',
  },
  {
    what: 'a failure told twice counts once',
    rules: TWO,
    inputs: [open(), failure('b'), failure('b')],
    effects: '',
    phase: 'open',
  },
  {
    what: 'a failure of who has answered changes nothing',
    rules: ALL,
    inputs: [open(), result('a'), failure('a')],
    effects: '',
    phase: 'open',
  },
  {
    what: "a stranger's failure changes nothing",
    rules: ALL,
    inputs: [open(), failure('mallory')],
    effects: '',
    phase: 'open',
  },
  {
    what: 'a failure during the wait that completes the round aggregates',
    rules: TWO_WAIT,
    inputs: [open(), result('a'), result('b'), failure('c')],
    effects: 'aggregate',
    phase: 'aggregating',
  },
  {
    what: 'stopping an open round cancels who is missing',
    rules: ALL,
    inputs: [open(), result('a'), abort],
    effects: 'cancel:b+c finish',
    phase: 'aborted',
  },
  {
    what: 'stopping in the wait cancels who is missing',
    rules: TWO_WAIT,
    inputs: [open(), result('a'), result('b'), abort],
    effects: 'cancel:c finish',
    phase: 'aborted',
  },
  {
    what: 'stopping twice ends once',
    rules: ALL,
    inputs: [open(), abort, abort],
    effects: '',
    phase: 'aborted',
  },
  {
    what: 'an aggregation is not stopped half-way',
    rules: { minClients: 1 },
    inputs: [open(['a']), result('a'), abort],
    effects: '',
    phase: 'aggregating',
  },
  {
    what: 'stopping before the opening does nothing',
    rules: ALL,
    inputs: [abort],
    effects: '',
    phase: 'waiting',
  },
  {
    what: 'a round without a mandatory member stays closed',
    rules: WITH_A,
    inputs: [open(['b', 'c'])],
    effects: '',
    phase: 'waiting',
  },
  {
    what: 'a quorum lacks the mandatory member: no timer yet',
    rules: WITH_A,
    inputs: [open(), result('b'), result('c')],
    effects: '',
    phase: 'open',
  },
  {
    what: 'the mandatory member completes the quorum',
    rules: WITH_A,
    inputs: [open(), result('b'), result('a')],
    effects: 'timer:5',
    phase: 'quorum',
  },
  {
    what: 'a mandatory member fails: the round cannot be saved by the others',
    rules: WITH_A,
    inputs: [open(), failure('a')],
    effects: 'cancel:b+c finish',
    phase: 'aborted',
  },
  {
    what: 'more were asked than are wanted: the first ones end the round',
    rules: FIRST_TWO,
    inputs: [open(), result('c'), result('a')],
    effects: 'cancel:b aggregate',
    phase: 'aggregating',
  },
  {
    what: 'of more than are wanted one may fail',
    rules: FIRST_TWO,
    inputs: [open(), result('c'), failure('a'), result('b')],
    effects: 'aggregate',
    phase: 'aggregating',
  },
  {
    what: 'the wanted number waits for a mandatory member',
    rules: { ...FIRST_TWO, mandatory: ['a'] },
    inputs: [open(), result('b'), result('c')],
    effects: '',
    phase: 'open',
  },
];

describe('a round', () => {
  it.each(ROWS)('$what', ({ rules, inputs, effects, phase }) => {
    const { state, steps } = play(rules, inputs);
    expect({ effects: steps.at(-1), phase: state.phase }).toEqual({ effects, phase });
  });

  it('keeps the first answer when a site sends two', () => {
    const second: RoundInput = { type: 'result', result: { ...answer('a'), numExamples: 99 } };
    expect(play(ALL, [open(), result('a'), second]).state.results.get('a')?.numExamples).toBe(1);
  });

  it('keeps failures in their order of arrival', () => {
    const { state } = play({ minClients: 1 }, [open(), failure('c'), failure('a')]);
    expect([...state.failures.keys()]).toEqual(['c', 'a']);
  });

  it('knows who has still to answer, in site order', () => {
    expect(outstanding(play({ minClients: 1 }, [open(), failure('b')]).state)).toEqual(['a', 'c']);
  });

  it('never changes the state it was given', () => {
    const { state } = play(ALL, [open(), result('a')]);
    const before = structuredClone(state);
    for (const input of [result('b'), failure('c'), abort]) stepRound(state, input);
    expect(state).toEqual(before);
  });
});
