import { Command, Errors, Flags, type Interfaces } from '@oclif/core';
import type { z } from 'zod';
import { commandSchema } from './output/command-schema.ts';
import { errorEnvelope, errorText, successEnvelope } from './output/envelope.ts';
import { createProgressView, type ProgressView } from './output/progress-view.ts';
import { type Interrupt, watchSignals } from './output/signals.ts';
import { writeAnswer, writeNote } from './output/terminal.ts';
import { usageError } from './output/usage-error.ts';
import type { NeuroflareError } from './runtime/base/errors/errors.ts';
import { toNeuroflareError } from './runtime/base/errors/errors.ts';
import type { Progress } from './runtime/base/logging/progress.ts';
import { printable, printableDeep } from './runtime/base/text/printable.ts';
import { timeText } from './runtime/base/text/time-text.ts';

export type OutputFormat = 'txt' | 'json' | 'jsonl';

/**
 * What every command shares: the output contract (text, or one JSON envelope on stdout; people's text on stderr),
 * exit codes 0 to 5, 130 and 143, `--schema`, silence on request, and a clean stop on Ctrl-C and SIGTERM.
 *
 * A command implements `execute` (flags in, one runtime call, typed result out) and `render` (the result as text).
 */
export abstract class BaseCommand<Result> extends Command {
  static override baseFlags: Interfaces.FlagInput = {
    format: Flags.option({
      options: ['txt', 'json', 'jsonl'] as const,
      default: 'txt',
      helpGroup: 'OUTPUT',
      summary: 'text for people, one JSON envelope, or JSON lines',
    })(),
    json: Flags.boolean({ helpGroup: 'OUTPUT', summary: 'short for --format json' }),
    quiet: Flags.boolean({ char: 'q', helpGroup: 'OUTPUT', summary: 'no progress and no notes on stderr' }),
    schema: Flags.boolean({
      helpGroup: 'OUTPUT',
      summary: 'print arguments and result as JSON Schema, and do nothing else',
    }),
  };

  /** Shape of the `data` in the JSON envelope. */
  static resultSchema: z.ZodType;

  /** Aborted by Ctrl-C or SIGTERM; long work passes it on. */
  protected signal: AbortSignal = new AbortController().signal;
  #interrupt: Interrupt | undefined;
  #progress: ProgressView | undefined;

  /** What a user who stopped the command is told. */
  protected readonly interruptHint: string = 'Run the command again.';

  protected abstract execute(): Promise<Result>;
  /**
   * The result for people, without a final newline; an empty string prints nothing. What it is given may be shown: texts of others
   * are on one line each, and nothing in them is obeyed.
   */
  protected abstract render(result: Result): string;

  /** The JSON answer, on one line. */
  protected envelope(result: Result, exitCode: number): string {
    return successEnvelope(result, exitCode);
  }

  /** 1 when the work was done but its answer is "no" (a check that found faults). */
  protected exitCodeOf(_result: Result): 0 | 1 {
    return 0;
  }

  override async run(): Promise<void> {
    if (this.argv.includes('--schema')) {
      this.parsed = true;
      writeAnswer(JSON.stringify(commandSchema(this.ctor as typeof BaseCommand), null, 2));
      return;
    }
    // What is missing is not taken from stdin: in a script's loop that is the rest of its list.
    for (const arg of Object.values(this.ctor.args)) arg.ignoreStdin = true;
    this.#interrupt = watchSignals(this.interruptHint);
    this.signal = this.#interrupt.signal;
    const result = await this.execute();
    process.exitCode = this.exitCodeOf(result);
    const text =
      this.outputFormat === 'txt'
        ? this.render(printableDeep(result))
        : this.envelope(result, process.exitCode);
    if (text !== '') writeAnswer(text);
  }

  protected override async catch(thrown: Error & { exitCode?: number }): Promise<void> {
    if (thrown instanceof Errors.ExitError) throw thrown;
    // Arguments that do not parse are told below; without this oclif would add that they were not parsed.
    this.parsed = true;
    this.#progress?.stop();
    const error = usageError(thrown, this.ctor) ?? toNeuroflareError(thrown);
    const exitCode = this.#interrupt?.exitCode ?? error.exitCode;
    process.exitCode = exitCode;
    if (this.outputFormat !== 'txt') writeAnswer(errorEnvelope(error, exitCode));
    this.#explain(error);
  }

  protected override async finally(_error: Error | undefined): Promise<void> {
    this.#progress?.stop();
    this.#interrupt?.release();
  }

  /** Read from the raw arguments, so that a failure while parsing them is still answered in the format asked for. */
  protected get outputFormat(): OutputFormat {
    if (this.argv.includes('--json')) return 'json';
    const at = this.argv.findIndex((word) => word === '--format' || word.startsWith('--format='));
    const value = this.argv[at]?.split('=')[1] ?? (at === -1 ? undefined : this.argv[at + 1]);
    return value === 'json' || value === 'jsonl' ? value : 'txt';
  }

  protected get quiet(): boolean {
    return this.argv.includes('--quiet') || this.argv.includes('-q');
  }

  /** A line for people, on stderr. */
  protected note(line: string): void {
    if (!this.quiet) writeNote(printable(line));
  }

  /** For what runs for weeks: each line has its time. */
  protected noteWithTime(line: string): void {
    this.note(`${timeText(new Date())} ${line}`);
  }

  /** Bars on a terminal, plain lines elsewhere, nothing when quiet. */
  protected progress(): Progress {
    this.#progress ??= createProgressView({ quiet: this.quiet });
    return this.#progress.step;
  }

  #explain(error: NeuroflareError): void {
    writeNote(errorText(error));
    if (process.env.NEUROFLARE_DEBUG) writeNote(`${error.stack}\n${String(error.cause ?? '')}`);
  }
}
