import fc from 'fast-check';
import { describe, it } from 'vitest';
import { openRound, type RoundInput, stepRound } from '../../src/runtime/federation/round.ts';

const SITES = ['a', 'b', 'c', 'd', 'stranger'];

const site = fc.constantFrom(...SITES);
const input: fc.Arbitrary<RoundInput> = fc.oneof(
  site.map((name) => ({ type: 'result' as const, site: name })),
  site.map((name) => ({
    type: 'failure' as const,
    site: name,
    error: { code: 'NF_SCRIPT_FAILED', message: '', hint: '', exitCode: 1 },
  })),
  fc.constantFrom<RoundInput>({ type: 'quorum-timeout' }, { type: 'abort' }),
);
const members = ['a', 'b', 'c', 'd'];
const opening = fc.record({
  rules: fc.record(
    {
      minClients: fc.integer({ min: 1, max: 4 }),
      waitTimeAfterMinReceived: fc.nat(9),
      target: fc.integer({ min: 1, max: 4 }),
      mandatory: fc.subarray(members, { maxLength: 1 }),
    },
    { requiredKeys: ['minClients'] },
  ),
  members: fc.constant(members),
  answered: fc.subarray(members),
});
type Opening = Parameters<typeof openRound>[0];

/** Every state and effect of a sequence of inputs. */
function run(given: Opening, inputs: readonly RoundInput[]) {
  const first = openRound(given);
  let { state } = first;
  const states = [state];
  const effects = first.effects.map((effect) => ({ ...effect, answered: first.state.answered }));
  for (const next of inputs) {
    const step = stepRound(state, next);
    state = step.state;
    states.push(state);
    effects.push(...step.effects.map((effect) => ({ ...effect, answered: step.state.answered })));
  }
  return { states, effects, last: state };
}

const sequence = fc.array(input, { maxLength: 30 });
const check = (holds: (played: ReturnType<typeof run>, given: Opening) => boolean) =>
  fc.assert(
    fc.property(opening, sequence, (given, inputs) => holds(run(given, inputs), given)),
    {
      numRuns: 500,
    },
  );

describe('whatever happens to a round', () => {
  it('it holds no answer of a stranger', () => {
    check(({ states }) =>
      states.every(({ answered }) => [...answered].every((name) => members.includes(name))),
    );
  });

  it('it closes with no fewer answers than the job asks for, and with all that are mandatory', () => {
    check(({ effects }, { rules: { minClients, mandatory = [] } }) =>
      effects.every(
        ({ type, answered }) =>
          type !== 'close' || (answered.size >= minClients && mandatory.every((name) => answered.has(name))),
      ),
    );
  });

  it('it ends once, in one way', () => {
    check(({ effects }) => effects.filter(({ type }) => type === 'close' || type === 'abandon').length <= 1);
  });

  it('it is over exactly when it has said so', () => {
    check(({ effects, last: { phase } }) => {
      const [end] = effects.filter(({ type }) => type === 'close' || type === 'abandon');
      return (
        (end?.type === 'close') === (phase === 'closed') &&
        (end?.type === 'abandon') === (phase === 'aborted')
      );
    });
  });

  it('no site both answers and fails', () => {
    check(({ states }) =>
      states.every(({ answered, failures }) => [...answered].every((name) => !failures.has(name))),
    );
  });

  it('its members never change', () => {
    check(({ states }) => states.every((state) => state.members === states[0]?.members));
  });

  it('who is cancelled was assigned and has not answered', () => {
    check(({ effects }) => {
      const assigned = new Set(effects.flatMap((effect) => (effect.type === 'assign' ? [effect.site] : [])));
      return effects.every(
        (effect) =>
          effect.type !== 'cancel' ||
          effect.sites.every((name) => assigned.has(name) && !effect.answered.has(name)),
      );
    });
  });
});
