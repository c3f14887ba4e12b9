import { serveOperations } from '../../kernel/serve-operations.ts';
import { INTAKE } from './operations.ts';

serveOperations(INTAKE);
