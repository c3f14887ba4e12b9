import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { flError } from '../../src/runtime/base/errors/errors.ts';
import {
  type JobEffect,
  type JobEvent,
  type JobState,
  moveJob,
  waitingJob,
  waitsFor,
} from '../../src/runtime/deployment/server/jobs/job-state.ts';

const STEPS = ['offer', 'gather', 'begin', 'train', 'keep', 'salvage', 'end'] as const;
const ERRORS = [
  flError('NF_DISK_FULL', { where: 'on /state' }),
  flError('NF_SCRIPT_MEMORY'),
  flError('NF_INTERRUPTED', { signal: 'the server', hint: '' }),
  flError('NF_JOB_NOT_SCHEDULED', { reason: 'nobody came' }),
];
const ABORTED = flError('NF_JOB_ABORTED', { who: 'ann' });
const error = fc.constantFrom(...ERRORS);
const step = fc.constantFrom(...STEPS);

/** Whatever may be said of a job, whether it fits or not. */
const anyEvent: fc.Arbitrary<JobEvent> = fc.oneof(
  { arbitrary: step.map((which): JobEvent => ({ type: 'done', step: which })), weight: 6 },
  { arbitrary: fc.record({ type: fc.constant('failed' as const), step, error }), weight: 3 },
  fc.constantFrom<JobEvent>(
    { type: 'launched' },
    { type: 'again' },
    { type: 'abort', error: ABORTED },
    { type: 'abort.noted' },
    { type: 'abort.failed', error: ERRORS[0] ?? ABORTED },
  ),
  error.map((reason): JobEvent => ({ type: 'given up', error: reason })),
  error.map((reason): JobEvent => ({ type: 'server stops', error: reason })),
);
const from = fc.constantFrom(
  waitingJob('SUBMITTED'),
  waitingJob('DISPATCHED'),
  waitingJob('RUNNING'),
  waitingJob('RUNNING', ABORTED),
);

/** Events in any order, and among them those that the job waits for: else few would come far. */
const story = fc.array(fc.oneof({ arbitrary: fc.constant('next' as const), weight: 2 }, anyEvent), {
  maxLength: 40,
});
type Story = readonly (JobEvent | 'next')[];

/** Each move with the event that made it. */
function play(start: JobState, events: Story) {
  let state = start;
  const moves = events.flatMap((given) => {
    const event = given === 'next' ? nextOf(state) : given;
    if (!event) return [];
    const move = moveJob(state, event);
    state = move.state;
    return [{ event, ...move }];
  });
  return { state, moves, effects: moves.flatMap(({ effects }): readonly JobEffect[] => effects) };
}

const TO_ITS_END: Story = Array(20).fill('next');
const hasEnded = ({ place }: JobState) => place.name === 'over' || place.name === 'left';

/** What brings a job nearer to its end, if whatever it waits for comes true; a step that was told to stop fails. */
function nextOf(state: JobState): JobEvent | undefined {
  const { place, abort, stop, isLeaving } = state;
  if (abort.is === 'noting') return { type: 'abort.noted' };
  if (place.name === 'waiting') return { type: 'launched' };
  if (place.name === 'held') return { type: 'again' };
  if (place.name !== 'doing') return undefined;
  const { step: which } = place.stage;
  const isTold = stop ?? (isLeaving ? ERRORS[2] : undefined);
  const isStopped = isTold && ['gather', 'train'].includes(which);
  return isStopped ? { type: 'failed', step: which, error: isTold } : { type: 'done', step: which };
}

describe('whatever happens to a job, in whatever order', () => {
  it('it is over, was left, or waits for a thing with a name', () => {
    fc.assert(
      fc.property(from, story, (start, events) => {
        const { state } = play(start, events);
        expect(hasEnded(state) || waitsFor(state) !== undefined).toBe(true);
      }),
      { seed: 1, numRuns: 1000 },
    );
  });

  it('it comes to an end when what it waits for comes', () => {
    fc.assert(
      fc.property(from, story, (start, events) => {
        const { state } = play(start, [...events, ...TO_ITS_END]);
        expect(hasEnded(state)).toBe(true);
      }),
      { seed: 2, numRuns: 1000 },
    );
  });

  it('nothing changes it once it is over', () => {
    let over = 0;
    fc.assert(
      fc.property(from, story, fc.array(anyEvent, { maxLength: 10 }), (start, events, late) => {
        const { state } = play(start, [...events, ...TO_ITS_END]);
        if (state.place.name !== 'over') return;
        over++;
        const { state: now, effects } = play(state, late);
        expect(now).toEqual(state);
        expect(effects.every(({ type }) => type === 'answer')).toBe(true);
      }),
      { seed: 3, numRuns: 1000 },
    );
    expect(over).toBeGreaterThan(200);
  });

  it('it settles once, and does nothing after that', () => {
    fc.assert(
      fc.property(from, story, (start, events) => {
        const { effects, state } = play(start, events);
        const types = effects.map(({ type }) => type);
        expect(types.filter((type) => type === 'settled')).toHaveLength(hasEnded(state) ? 1 : 0);
        const rest = hasEnded(state) ? types.slice(types.indexOf('settled') + 1) : [];
        expect(rest.every((type) => type === 'answer' || type === 'note abort')).toBe(true);
      }),
      { seed: 4, numRuns: 1000 },
    );
  });

  it('it begins a step when the one before has ended, and never two at once', () => {
    fc.assert(
      fc.property(from, story, (start, events) => {
        for (const { event, effects, state } of play(start, events).moves) {
          const begun = effects.filter(({ type }) => type === 'do');
          expect(begun.length).toBeLessThanOrEqual(1);
          if (begun.length === 0) continue;
          expect(state.place.name).toBe('doing');
          // The rest ends a wait: for its turn, its machine, or an abort to be noted.
          expect([
            'launched',
            'done',
            'failed',
            'again',
            'abort.noted',
            'abort.failed',
            'given up',
          ]).toContain(event.type);
        }
      }),
      { seed: 5, numRuns: 1000 },
    );
  });

  it('what is said of another step than the one under way changes nothing', () => {
    fc.assert(
      fc.property(from, story, step, error, (start, events, which, reason) => {
        const { state } = play(start, events);
        const { place } = state;
        if (place.name === 'doing' && place.stage.step === which) return;
        const late: JobEvent[] = [
          { type: 'done', step: which },
          { type: 'failed', step: which, error: reason },
        ];
        for (const event of late) expect(moveJob(state, event)).toEqual({ state, effects: [] });
      }),
      { seed: 7, numRuns: 1000 },
    );
  });

  it('who aborts has one answer, and whoever was told that it is aborted finds it so', () => {
    fc.assert(
      fc.property(from, story, (start, events) => {
        let isAsked = false;
        let isTaken = start.abort.is === 'noted';
        for (const { event, effects, state } of play(start, events).moves) {
          isAsked ||= event.type === 'abort';
          for (const effect of effects) {
            if (effect.type === 'answer') {
              expect(isAsked).toBe(true);
              isAsked = false;
              isTaken ||= effect.abort.is === 'taken';
            }
            if (effect.type === 'do' && 'end' in effect.stage && isTaken)
              expect(effect.stage.end.status).toBe('FINISHED:ABORTED');
          }
          // Only while it is being noted is there no answer yet.
          expect(isAsked).toBe(state.abort.is === 'noting');
        }
      }),
      { seed: 6, numRuns: 1000 },
    );
  });
});
