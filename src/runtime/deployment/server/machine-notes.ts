import type { NeuroflareError } from '../../base/errors/errors.ts';

/** While the same goes on. */
const AGAIN_MS = 60_000;

/** Tells whoever runs the server what its machine lacks, each thing once in a while: who asks, and whose job it is, can only wait. */
export class MachineNotes {
  readonly #tell: (line: string) => void;
  readonly #toldAt = new Map<string, number>();

  constructor(tell: (line: string) => void) {
    this.#tell = tell;
  }

  /** @param what waits for it, a sentence without its full stop */
  note(what: string, { code, message, hint }: NeuroflareError): void {
    const about = `${what} ${code}`;
    const now = performance.now();
    const before = this.#toldAt.get(about);
    if (before !== undefined && now - before < AGAIN_MS) return;
    this.#toldAt.set(about, now);
    this.#tell(`${what}: ${message} next: ${hint}`);
  }
}
