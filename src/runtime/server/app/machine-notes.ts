import type { NeuroflareError } from '../../kernel/errors.ts';

/** While the same goes on. */
const AGAIN_MS = 60_000;

/** Tells whoever runs the server what its machine lacks, each thing once in a while: who asks can only wait. */
export class MachineNotes {
  readonly #tell: (line: string) => void;
  readonly #toldAt = new Map<string, number>();

  constructor(tell: (line: string) => void) {
    this.#tell = tell;
  }

  note({ code, message, hint }: NeuroflareError): void {
    const now = performance.now();
    const before = this.#toldAt.get(code);
    if (before !== undefined && now - before < AGAIN_MS) return;
    this.#toldAt.set(code, now);
    this.#tell(`A request could not be answered: ${message} next: ${hint}`);
  }
}
