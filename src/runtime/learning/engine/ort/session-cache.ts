import { sha256 } from '../../../base/digest.ts';
import type { OrtRuntime, OrtSession } from './runtime.ts';

/** Sessions that are kept although nobody uses them, so that the next round finds them ready. */
const IDLE_KEPT = 6;

interface Entry {
  readonly key: string;
  readonly session: Promise<OrtSession>;
  users: number;
}

/** A session and the promise to say when it is no longer needed. */
export interface SessionLease {
  readonly session: OrtSession;
  release(): void;
}

/** In the order of last use. */
const entries = new Map<string, Entry>();

/**
 * A session for a graph; the same one for the same bytes, in this thread. Sharing is safe: a session holds no state of a
 * training, which goes in and out as tensors at each step.
 */
export async function leaseSession(runtime: OrtRuntime, bytes: Uint8Array): Promise<SessionLease> {
  const device = `${runtime.provider} ${runtime.gpu?.index ?? ''}`;
  const key = `${runtime.library} ${device} ${runtime.threads} ${sha256(bytes)}`;
  const entry = entries.get(key) ?? { key, session: runtime.createSession(bytes), users: 0 };
  touch(entry);
  entry.users++;
  try {
    return { session: await entry.session, release: once(() => giveBack(entry)) };
  } catch (error) {
    entries.delete(key);
    throw error;
  }
}

function touch(entry: Entry): void {
  entries.delete(entry.key);
  entries.set(entry.key, entry);
}

function giveBack(entry: Entry): void {
  entry.users--;
  touch(entry);
  const idle = [...entries.values()].filter(({ users }) => users === 0);
  for (const { key, session } of idle.slice(0, Math.max(0, idle.length - IDLE_KEPT))) {
    entries.delete(key);
    void session.then((unused) => unused.release());
  }
}

function once(action: () => void): () => void {
  let done = false;
  return () => {
    if (!done) action();
    done = true;
  };
}
