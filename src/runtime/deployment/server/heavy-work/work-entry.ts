import { serveOperations } from '../../../base/threads/serve-operations.ts';
import { OPERATIONS } from './operations.ts';

serveOperations(OPERATIONS);
