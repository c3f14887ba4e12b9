import { serveOperations } from '../../runtime/base/threads/serve-operations.ts';
import { prepareImage } from './prepare-image.ts';

serveOperations({ prepareImage });
