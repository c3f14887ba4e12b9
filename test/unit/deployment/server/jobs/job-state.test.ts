import { describe, expect, it } from 'vitest';
import { flError } from '../../../../../src/runtime/base/errors/errors.ts';
import {
  type JobEvent,
  type JobState,
  type JobStep,
  moveJob,
  waitingJob,
  waitsFor,
} from '../../../../../src/runtime/deployment/server/jobs/job-state.ts';

const ABORTED = flError('NF_JOB_ABORTED', { who: 'ann' });
const GIVEN_UP = flError('NF_JOB_NOT_SCHEDULED', { reason: 'the study was removed' });
const STOPS = flError('NF_INTERRUPTED', { signal: 'the server', hint: '' });
const FULL = flError('NF_DISK_FULL', { where: 'on /state' });
const BROKEN = flError('NF_SCRIPT_MEMORY');

const launched: JobEvent = { type: 'launched' };
const again: JobEvent = { type: 'again' };
const abort: JobEvent = { type: 'abort', error: ABORTED };
const noted: JobEvent = { type: 'abort.noted' };
const notNoted: JobEvent = { type: 'abort.failed', error: FULL };
const givenUp: JobEvent = { type: 'given up', error: GIVEN_UP };
const stops: JobEvent = { type: 'server stops', error: STOPS };
const done = (step: JobStep): JobEvent => ({ type: 'done', step });
const failed = (step: JobStep, error = BROKEN): JobEvent => ({ type: 'failed', step, error });

/** Events up to a step that is under way. */
const UNTIL = {
  waiting: [],
  offer: [launched],
  gather: [launched, done('offer')],
  begin: [launched, done('offer'), done('gather')],
  train: [launched, done('offer'), done('gather'), done('begin')],
  keep: [launched, done('offer'), done('gather'), done('begin'), done('train')],
  end: [launched, done('offer'), done('gather'), done('begin'), done('train'), done('keep')],
} satisfies Record<string, JobEvent[]>;

/** The state after events, and what is asked for by the last of them, each in a few words. */
function played(events: readonly JobEvent[], from: JobState = waitingJob('SUBMITTED')) {
  let state = from;
  let asked: string[] = [];
  for (const event of events) {
    const move = moveJob(state, event);
    state = move.state;
    asked = move.effects.map((effect) => {
      if (effect.type === 'answer')
        return effect.abort.is === 'late'
          ? `answer late: ${effect.abort.since}`
          : `answer ${effect.abort.is}`;
      if (effect.type !== 'do') return effect.type;
      const { stage } = effect;
      return 'end' in stage
        ? `do ${stage.step} ${stage.end.status.slice('FINISHED:'.length)}`
        : `do ${stage.step}`;
    });
  }
  return { state, asked };
}

describe('a job', () => {
  it('goes from its turn to its results', () => {
    const way = [...UNTIL.end, done('end')];
    expect(way.map((_event, index) => played(way.slice(0, index + 1)).asked)).toEqual([
      ['do offer'],
      ['do gather'],
      ['do begin'],
      ['do train'],
      ['do keep'],
      ['do end COMPLETED'],
      ['settled'],
    ]);
    expect(played(way).state.place.name).toBe('over');
  });

  it.each([
    ['SUBMITTED', 'do offer'],
    ['DISPATCHED', 'do offer'],
    ['RUNNING', 'do train'],
  ] as const)('that was %s when the server stopped begins with: %s', (status, what) => {
    expect(played([launched], waitingJob(status)).asked).toEqual([what]);
  });

  it('that was aborted before the server stopped ends as that', () => {
    const { state, asked } = played([launched], waitingJob('RUNNING', ABORTED));
    expect(asked).toEqual(['do salvage ABORTED']);
    expect(played([done('salvage')], state).asked).toEqual(['do end ABORTED']);
  });

  it.each([
    ['waiting', 'its turn'],
    ['gather', 'gather'],
    ['train', 'train'],
    ['end', 'end'],
  ] as const)('says while %s that it waits for: %s', (until, what) => {
    expect(waitsFor(played(UNTIL[until]).state)).toBe(what);
  });
});

describe('a step that fails', () => {
  it.each([
    ['offer', failed('offer'), 'do salvage EXECUTION_EXCEPTION'],
    ['gather', failed('gather', GIVEN_UP), 'do salvage CAN_NOT_SCHEDULE'],
    ['train', failed('train'), 'do salvage EXECUTION_EXCEPTION'],
    ['keep', failed('keep'), 'do salvage EXECUTION_EXCEPTION'],
    ['train', failed('train', FULL), 'hold'],
    ['gather', failed('gather', FULL), 'hold'],
    ['end', failed('end', FULL), 'hold'],
    ['end', failed('end'), 'do salvage EXECUTION_EXCEPTION'],
  ] as const)('%s: asks for what its error says', (until, event, what) => {
    expect(played([...UNTIL[until], event]).asked).toEqual([what]);
  });

  it.each([
    ['gather', [failed('gather', FULL)], 'do gather'],
    ['keep', [failed('keep', FULL)], 'do train'],
    ['end', [failed('end', FULL)], 'do end COMPLETED'],
    ['train', [failed('train'), done('salvage'), failed('end', FULL)], 'do end EXECUTION_EXCEPTION'],
  ] as const)('%s for the machine is done again', (until, events, what) => {
    const { state } = played([...UNTIL[until], ...events]);
    expect(waitsFor(state)).toBe('its machine');
    expect(played([again], state).asked).toEqual([what]);
  });

  it('while it salvages changes nothing of how it ends', () => {
    const events = [...UNTIL.train, failed('train')];
    expect(played([...events, failed('salvage', FULL)]).asked).toEqual(['do end EXECUTION_EXCEPTION']);
  });

  it('at the end of a job that has failed before leaves it to the next start, and says so', () => {
    const events = [...UNTIL.train, failed('train'), done('salvage'), failed('end')];
    expect(played(events).asked).toEqual(['lost', 'settled']);
  });
});

describe('an abort', () => {
  it.each(['waiting', 'offer', 'gather', 'begin', 'train'] as const)(
    'of a job at %s is noted before anything else goes on',
    (until) => {
      const { state, asked } = played([...UNTIL[until], abort]);
      expect(asked).toEqual(['note abort']);
      expect(waitsFor(state)).toBe('an abort to be noted');
    },
  );

  it.each(['offer', 'gather', 'begin', 'train'] as const)('stops the step %s, which then fails', (until) => {
    const { state, asked } = played([...UNTIL[until], abort, noted]);
    expect(asked).toEqual(['answer taken', 'stop']);
    expect(played([failed(until, ABORTED)], state).asked).toEqual(['do salvage ABORTED']);
  });

  it('ends a job that waits for its machine at once', () => {
    const events = [...UNTIL.gather, failed('gather', FULL), abort, noted];
    expect(played(events).asked).toEqual(['answer taken', 'do salvage ABORTED']);
  });

  it('ends a job that waits for its turn when that comes', () => {
    const { state, asked } = played([abort, noted]);
    expect(asked).toEqual(['answer taken']);
    expect(played([launched], state).asked).toEqual(['do salvage ABORTED']);
  });

  it.each(['keep', 'end'] as const)('that comes at %s is too late: results are written', (until) => {
    expect(played([...UNTIL[until], abort]).asked).toEqual(['answer late: results']);
  });

  it('is too late where the job has failed', () => {
    expect(played([...UNTIL.train, failed('train'), abort]).asked).toEqual(['answer late: results']);
  });

  it('is too late where the job is over', () => {
    expect(played([...UNTIL.end, done('end'), abort]).asked).toEqual(['answer late: over']);
  });

  it('is in time again where results could not be written for the machine', () => {
    expect(played([...UNTIL.keep, failed('keep', FULL), abort]).asked).toEqual(['note abort']);
  });

  it('is noted once, for all who abort', () => {
    const { state, asked } = played([...UNTIL.train, abort, abort]);
    expect(asked).toEqual([]);
    expect(played([noted, abort], state).asked).toEqual(['answer taken']);
  });
});

describe('an abort and an end that meet', () => {
  it('are an abort, if it was on its way first', () => {
    const { state, asked } = played([...UNTIL.train, abort, done('train')]);
    expect(asked).toEqual([]);
    const stopped = played([noted], state);
    expect(stopped.asked).toEqual(['answer taken', 'stop']);
    expect(played([failed('train', ABORTED)], stopped.state).asked).toEqual(['do salvage ABORTED']);
  });

  it('are an end, if the abort could not be noted', () => {
    expect(played([...UNTIL.train, abort, done('train'), notNoted]).asked).toEqual([
      'answer failed',
      'do keep',
    ]);
  });

  it('are an abort, if the job fails meanwhile', () => {
    const events = [...UNTIL.train, abort, failed('train')];
    expect(played([...events, noted]).asked).toEqual(['answer taken', 'do salvage ABORTED']);
    expect(played([...events, notNoted]).asked).toEqual(['answer failed', 'do salvage EXECUTION_EXCEPTION']);
  });

  it('are an abort with its own error, if the job was given up meanwhile', () => {
    const { state } = played([...UNTIL.gather, givenUp, abort, noted]);
    const { asked, state: end } = played([failed('gather', GIVEN_UP)], state);
    expect(asked).toEqual(['do salvage ABORTED']);
    expect(end.place).toMatchObject({ stage: { end: { error: { code: 'NF_JOB_ABORTED' } } } });
  });
});

describe('a job that can never get its sites', () => {
  it('is stopped, and cannot be scheduled', () => {
    const { state, asked } = played([...UNTIL.gather, givenUp]);
    expect(asked).toEqual(['stop']);
    expect(played([failed('gather', GIVEN_UP)], state).asked).toEqual(['do salvage CAN_NOT_SCHEDULE']);
  });

  it('ends at once while it is held, and when its turn comes', () => {
    expect(played([...UNTIL.train, failed('train', FULL), givenUp]).asked).toEqual([
      'do salvage CAN_NOT_SCHEDULE',
    ]);
    expect(played([givenUp, launched]).asked).toEqual(['do salvage CAN_NOT_SCHEDULE']);
  });

  it('keeps the results that are being written', () => {
    const { state, asked } = played([...UNTIL.keep, givenUp]);
    expect(asked).toEqual([]);
    expect(played([done('keep')], state).asked).toEqual(['do end COMPLETED']);
  });
});

describe('a server that stops', () => {
  it.each(['gather', 'train'] as const)('leaves a job at %s where it is', (until) => {
    const { state, asked } = played([...UNTIL[until], stops]);
    expect(asked).toEqual(['stop']);
    const left = played([failed(until, STOPS)], state);
    expect(left.asked).toEqual(['settled']);
    expect(left.state.place.name).toBe('left');
  });

  it('leaves a job that waits for its turn or its machine at once', () => {
    expect(played([stops]).asked).toEqual(['settled']);
    expect(played([...UNTIL.train, failed('train', FULL), stops]).asked).toEqual(['settled']);
    expect(played([...UNTIL.end, failed('end', FULL), stops]).asked).toEqual(['settled']);
  });

  it('goes on to the end of a job whose results are being written', () => {
    const { state, asked } = played([...UNTIL.keep, stops]);
    expect(asked).toEqual([]);
    expect(played([done('keep'), done('end')], state).state.place.name).toBe('over');
    expect(played([done('keep'), failed('end', FULL)], state).state.place.name).toBe('left');
  });

  it('begins no further step', () => {
    expect(played([...UNTIL.offer, stops, done('offer')]).state.place.name).toBe('left');
    // What is to be written is written by the next one; the step fails in a moment.
    expect(played([...UNTIL.train, stops, done('train')]).asked).toEqual([]);
  });

  it('ends a job that was aborted before', () => {
    const events = [...UNTIL.train, abort, noted, stops, failed('train', ABORTED)];
    expect(played(events).asked).toEqual(['do salvage ABORTED']);
  });

  it('leaves one for which an abort is being noted, and answers who aborts', () => {
    const { state } = played([...UNTIL.train, abort, stops, failed('train', STOPS)]);
    expect(played([noted], state).asked).toEqual(['answer taken', 'settled']);
  });
});
