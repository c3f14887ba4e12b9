import { writeSync } from 'node:fs';
import { flError } from '../runtime/base/errors/errors.ts';

/** A running command's view of Ctrl-C and SIGTERM. */
export interface Interrupt {
  readonly signal: AbortSignal;
  /** 130 or 143 once a signal came. */
  readonly exitCode: number | undefined;
  release(): void;
}

const EXIT_CODES = { SIGINT: 130, SIGTERM: 143 } as const;

/** Shows the cursor and wraps long lines again. */
const TERMINAL_AS_IT_WAS = '\u001b[?25h\u001b[?7h';

/** The first signal aborts the work, which ends in order; a second one ends the process at once. `hint`: how to go on. */
export function watchSignals(hint: string): Interrupt {
  const controller = new AbortController();
  let exitCode: number | undefined;
  const onSignal = (signal: 'SIGINT' | 'SIGTERM') => {
    if (exitCode !== undefined) endNow(signal);
    exitCode = EXIT_CODES[signal];
    controller.abort(flError('NF_INTERRUPTED', { signal, hint }));
  };
  const endNow = (signal: NodeJS.Signals) => {
    if (process.stderr.isTTY) writeSync(2, TERMINAL_AS_IT_WAS);
    // The system's own way: `process.exit` would first end threads, in the middle of native calls.
    process.off('SIGINT', onSignal).off('SIGTERM', onSignal);
    process.kill(process.pid, signal);
  };
  process.on('SIGINT', onSignal).on('SIGTERM', onSignal);
  return {
    signal: controller.signal,
    get exitCode() {
      return exitCode;
    },
    release: () => void process.off('SIGINT', onSignal).off('SIGTERM', onSignal),
  };
}
