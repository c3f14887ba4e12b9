import { z } from 'zod';
import { BaseCommand } from '../../command.ts';
import { renderTable } from '../../output/table.ts';
import { ENGINE_NAMES } from '../../runtime/job/engine-choice.ts';
import { ENGINE_BUILDS } from '../../runtime/learning/engine/engine.ts';

const resultSchema = z.array(
  z.object({
    name: z.enum(ENGINE_NAMES),
    build: z.enum(ENGINE_BUILDS),
    available: z.boolean(),
    auto: z.boolean().describe('taken by --engine auto'),
    device: z.enum(['cpu', 'gpu']).optional(),
    library: z.string().optional(),
    version: z.string().optional(),
    reason: z.string().describe('why it is taken, or why it is not available'),
    advice: z.string().optional().describe('what makes it available'),
  }),
);
type Result = z.output<typeof resultSchema>;

export default class EngineList extends BaseCommand<Result> {
  static override summary = 'list the engines that can train models, and which one is taken';
  static override examples = ['<%= config.bin %> engine list'];
  static override resultSchema = resultSchema;

  protected override async execute(): Promise<Result> {
    await this.parse(EngineList);
    const { surveyEngines } = await import('../../runtime/learning/engine/survey.ts');
    const engines = await surveyEngines();
    return engines.map(({ name, build, available, auto, info, reason, advice }) => ({
      name,
      build,
      available,
      auto,
      ...(info && { device: info.device, library: info.library, version: info.version }),
      reason: reason ?? (auto ? (info?.reason ?? '') : ''),
      ...(advice && { advice }),
    }));
  }

  protected override render(engines: Result): string {
    const table = renderTable(
      ['engine', 'build', 'available', 'device', 'library'],
      engines.map(({ name, build, available, auto, device, library, version }) => [
        auto ? `${name} *` : name,
        build,
        available ? 'yes' : 'no',
        device ?? '',
        library ? `${library} ${version}` : '',
      ]),
    );
    const reasons = engines.filter(({ reason }) => reason !== '');
    const notes = reasons.map(
      ({ auto, reason, advice }) => `${auto ? '* ' : ''}${reason}${advice ? ` ${advice}` : ''}`,
    );
    return [table, '', ...notes].join('\n');
  }
}
