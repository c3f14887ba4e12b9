import { serveOperations } from '../../runtime/base/threads/serve-operations.ts';
import { measureImage } from './measure-image.ts';

serveOperations({ measureImage });
