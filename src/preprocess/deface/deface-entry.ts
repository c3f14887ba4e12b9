import { serveOperations } from '../../runtime/base/threads/serve-operations.ts';
import { defaceNiftis } from './deface-nifti.ts';

serveOperations({ defaceNiftis });
