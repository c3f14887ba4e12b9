import { serveOperations } from '../../base/threads/serve-operations.ts';
import { INTAKE } from './operations.ts';

serveOperations(INTAKE);
