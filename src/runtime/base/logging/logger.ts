import pino, { type Logger } from 'pino';
import { printableLine } from '../text/printable.ts';
import { LogFile } from './log-file.ts';

export type { Logger } from 'pino';

export interface LogTarget {
  /** JSON lines; at its size the file gets a name with its time before it, and a new one begins. */
  readonly path: string;
  readonly level: 'debug' | 'info' | 'warn' | 'error';
  readonly maxMegabytes: number;
  readonly keptFiles: number;
}

/** What must not be in a log, whatever object it comes with. */
const SECRETS = [
  'key',
  'pem',
  'authorization',
  'signature',
  '*.key',
  '*.pem',
  '*.authorization',
  '*.signature',
];

/** A structured log in files of bounded size. */
export function openLog({ path, level, ...limits }: LogTarget): Logger & { close(): Promise<void> } {
  const file = new LogFile(path, limits);
  const logger = pino(
    {
      level,
      base: null,
      timestamp: pino.stdTimeFunctions.isoTime,
      redact: { paths: SECRETS, censor: '[secret]' },
    },
    { write: (line) => file.write(printableLine(line)) },
  );
  return Object.assign(logger, { close: () => file.close() });
}
