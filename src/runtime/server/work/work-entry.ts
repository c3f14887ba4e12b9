import { serveOperations } from '../../kernel/serve-operations.ts';
import { OPERATIONS } from './operations.ts';

serveOperations(OPERATIONS);
