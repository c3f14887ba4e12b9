import { randomUUID } from 'node:crypto';
import { partsOfTask } from '../../src/runtime/algorithms/task.ts';
import { sha256 } from '../../src/runtime/base/digest.ts';
import type { JobRecord } from '../../src/runtime/deployment/store/server-store.ts';
import type { RunEvent } from '../../src/runtime/run/events.ts';

/** A job as a server would keep it. */
export function jobRecord(over: Partial<JobRecord> = {}): JobRecord {
  return {
    id: randomUUID(),
    name: 'tiny',
    study: 'default',
    submitter: { name: 'ann@example.org', org: 'university', role: 'lead' },
    submitted: '2026-01-01T00:00:00.000Z',
    bundleSha256: sha256('bundle'),
    codeSha256: sha256('code'),
    bundle: { sha256: sha256('packed'), size: 10 },
    signature: { algorithm: 'ECDSA-P256-SHA256', certificate: 'PEM', signature: 'c2ln' },
    numRounds: 2,
    keyMetric: 'accuracy',
    status: 'SUBMITTED',
    ...over,
  };
}

/** An event that tells its number. */
export function numbered(round: number): RunEvent {
  return { type: 'task.started', task: `train/${round}/site-1` };
}

/** The number of such an event. */
export function numberOf(event: RunEvent): number | undefined {
  return event.type === 'task.started' ? partsOfTask(event.task).round : undefined;
}
