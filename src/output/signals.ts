import { flError } from '../runtime/kernel/errors.ts';

/** A running command's view of Ctrl-C and SIGTERM. */
export interface Interrupt {
  readonly signal: AbortSignal;
  /** 130 or 143 once a signal came. */
  readonly exitCode: number | undefined;
  release(): void;
}

const EXIT_CODES = { SIGINT: 130, SIGTERM: 143 } as const;

/** The first signal aborts the work, which ends in order; a second one ends the process at once. `hint`: how to go on. */
export function watchSignals(hint: string): Interrupt {
  const controller = new AbortController();
  let exitCode: number | undefined;
  const onSignal = (signal: 'SIGINT' | 'SIGTERM') => {
    if (exitCode !== undefined) process.exit(exitCode);
    exitCode = EXIT_CODES[signal];
    controller.abort(flError('NF_INTERRUPTED', { signal, hint }));
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
