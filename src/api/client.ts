export type { DType, NdArray, ParamSet } from '../runtime/base/tensors/nd-array.ts';
export type { PrivateTerms } from '../runtime/learning/trainer/private-settings.ts';
export type { ReceivedModel, SentModel, SiteData } from '../runtime/site/client-api/fl-model.ts';
export {
  args,
  correction,
  data,
  init,
  isEvaluate,
  isRunning,
  isTrain,
  jobName,
  loadState,
  model,
  privacy,
  proximalMu,
  receive,
  saveState,
  seed,
  send,
  siteName,
  taskName,
  tookSteps,
} from '../runtime/site/client-api/flare.ts';
