import type { Workflow } from './workflow.ts';
import { fedAvg } from './workflows/fedavg.ts';

/** Workflows by the name a job gives in `workflow.type`. */
export const WORKFLOWS: Readonly<Record<'fedavg', Workflow>> = { fedavg: fedAvg };
