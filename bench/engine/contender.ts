import { type ChildProcess, spawn } from 'node:child_process';
import { createInterface } from 'node:readline';

/** Times of steps in milliseconds, and the process's largest memory so far in MB. */
interface Steps {
  readonly wall: readonly number[];
  readonly cpu: readonly number[];
  readonly memory: number;
}

/** A process that trains when it is told to, and waits in between, so that several can take turns in one run. */
export class Contender {
  readonly name: string;
  readonly wall: number[] = [];
  readonly cpu: number[] = [];
  memory = 0;
  readonly #child: ChildProcess;
  readonly #answers: AsyncIterator<string>;

  constructor(name: string, command: readonly [string, ...string[]]) {
    this.name = name;
    const [program, ...args] = command;
    this.#child = spawn(program, args, { stdio: ['pipe', 'pipe', 'inherit'] });
    const { stdout } = this.#child;
    if (!stdout) throw new Error(`${name} has no output`);
    this.#answers = createInterface({ input: stdout })[Symbol.asyncIterator]();
  }

  /** Trains; the figures are kept unless this is to warm up. */
  async train(steps: number, keep = true): Promise<number> {
    this.#child.stdin?.write(`${steps}\n`);
    const { value, done } = await this.#answers.next();
    if (done) throw new Error(`${this.name} ended`);
    const { wall, cpu, memory }: Steps = JSON.parse(value);
    if (keep) {
      this.wall.push(...wall);
      this.cpu.push(...cpu);
    }
    this.memory = memory;
    return Math.min(...wall);
  }

  end(): void {
    this.#child.stdin?.end();
  }
}
