import { Flags } from '@oclif/core';
import { z } from 'zod';
import { BaseCommand } from '../../command.ts';
import { renderTable } from '../../output/table.ts';
import { ENGINE_NAMES } from '../../runtime/job/engine-choice.ts';
import { ENGINE_BUILDS } from '../../runtime/learning/engine/engine.ts';

const resultSchema = z.object({
  healthy: z.boolean().describe('the engine that --engine auto takes works'),
  engines: z.array(
    z.object({
      name: z.enum(ENGINE_NAMES),
      build: z.enum(ENGINE_BUILDS),
      auto: z.boolean().describe('taken by --engine auto'),
      verdict: z.enum(['works', 'wrong', 'failed', 'absent']),
      detail: z.string(),
      difference: z.number().optional().describe("largest difference of a loss from the cpu engine's"),
      milliseconds: z.number().optional().describe('compiling and five steps'),
    }),
  ),
});
type Result = z.output<typeof resultSchema>;

export default class EngineDoctor extends BaseCommand<Result> {
  static override summary = 'train a tiny model on each engine and compare the results';
  static override description =
    'Exits with 1 if the engine that --engine auto takes does not work or computes something else than the cpu engine.';
  static override examples = ['<%= config.bin %> engine doctor', '<%= config.bin %> engine doctor --gpu 0'];
  static override flags = {
    gpu: Flags.string({ summary: 'look at ort on this GPU too, e.g. 0' }),
  };
  static override resultSchema = resultSchema;

  protected override async execute(): Promise<Result> {
    const { flags } = await this.parse(EngineDoctor);
    const { examineEngines } = await import('../../runtime/learning/engine/doctor.ts');
    const engines = await examineEngines({ gpu: flags.gpu, signal: this.signal });
    return { healthy: engines.some(({ auto, verdict }) => auto && verdict === 'works'), engines };
  }

  protected override exitCodeOf(result: Result): 0 | 1 {
    return result.healthy ? 0 : 1;
  }

  protected override render({ engines, healthy }: Result): string {
    const rows = engines.map(({ name, build, auto, verdict, milliseconds, detail }) => [
      auto ? `${name} *` : name,
      build,
      verdict,
      milliseconds === undefined ? '' : `${milliseconds} ms`,
      detail,
    ]);
    const table = renderTable(['engine', 'build', 'verdict', 'time', 'what was seen'], rows);
    return `${table}\n\n* taken by --engine auto: ${healthy ? 'it works' : 'IT DOES NOT WORK'}`;
  }
}
