import fc from 'fast-check';
import { describe, it } from 'vitest';
import { newRound, type RoundInput, stepRound } from '../../src/runtime/federation/round.ts';

const SITES = ['a', 'b', 'c', 'd', 'stranger'];

const site = fc.constantFrom(...SITES);
const input: fc.Arbitrary<RoundInput> = fc.oneof(
  fc.subarray(['a', 'b', 'c', 'd'], { minLength: 1 }).map((members) => ({ type: 'open' as const, members })),
  site.map((name) => ({
    type: 'result' as const,
    result: { site: name, paramsType: 'FULL' as const, numExamples: 1, metrics: {}, seconds: 0 },
  })),
  site.map((name) => ({
    type: 'failure' as const,
    site: name,
    error: { code: 'NF_SCRIPT_FAILED', message: '', hint: '', exitCode: 1 },
  })),
  fc.constantFrom<RoundInput>({ type: 'quorum-timeout' }, { type: 'aggregated' }, { type: 'abort' }),
);
const rules = fc.record(
  { minClients: fc.integer({ min: 1, max: 4 }), waitAfterQuorum: fc.nat(9) },
  { requiredKeys: ['minClients'] },
);

/** Every state and effect of a sequence of inputs. */
function run(given: { minClients: number; waitAfterQuorum?: number }, inputs: readonly RoundInput[]) {
  let state = newRound(given);
  const states = [state];
  const effects = inputs.flatMap((next) => {
    const step = stepRound(state, next);
    state = step.state;
    states.push(state);
    return step.effects.map((effect) => ({ ...effect, results: step.state.results }));
  });
  return { states, effects, last: state };
}

const sequence = fc.array(input, { maxLength: 30 });
const check = (holds: (played: ReturnType<typeof run>, least: number) => boolean) =>
  fc.assert(
    fc.property(rules, sequence, (given, inputs) => holds(run(given, inputs), given.minClients)),
    {
      numRuns: 500,
    },
  );

describe('whatever happens to a round', () => {
  it('it holds no result of a stranger', () => {
    check(({ states }) =>
      states.every(({ results, members }) => [...results.keys()].every((name) => members.includes(name))),
    );
  });

  it('it aggregates no fewer results than the job asks for', () => {
    check(({ effects }, least) =>
      effects.every((effect) => effect.type !== 'aggregate' || effect.results.size >= least),
    );
  });

  it('it aggregates at most once and ends at most once', () => {
    check(({ effects }) =>
      ['aggregate', 'finish'].every((type) => effects.filter((effect) => effect.type === type).length <= 1),
    );
  });

  it('it never ends both ways', () => {
    check(({ states }) => {
      const ends = new Set(states.map(({ phase }) => phase).filter((phase) => /closed|aborted/.test(phase)));
      return ends.size <= 1;
    });
  });

  it('no site both answers and fails', () => {
    check(({ states }) =>
      states.every(({ results, failures }) => [...results.keys()].every((name) => !failures.has(name))),
    );
  });

  it('its members never change once it is open', () => {
    check(({ states }) => {
      const opened = states.filter(({ phase }) => phase !== 'waiting');
      return opened.every(({ members }) => members === opened[0]?.members);
    });
  });

  it('who is cancelled was assigned and has not answered', () => {
    check(({ effects, last }) =>
      effects.every(
        (effect) =>
          effect.type !== 'cancel' ||
          effect.sites.every((name) => last.members.includes(name) && !effect.results.has(name)),
      ),
    );
  });
});
