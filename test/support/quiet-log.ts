import { pino } from 'pino';
import type { Logger } from '../../src/runtime/base/logging/logger.ts';

/** A log that nobody reads. */
export function quietLog(): Logger {
  return pino({ enabled: false });
}
