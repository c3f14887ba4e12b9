import { fedAvg } from './fedavg.ts';

/**
 * FedProx (Li et al., "Federated Optimization in Heterogeneous Networks", 2020): FedAvg whose sites are pulled towards the model that
 * they received, by mu / 2 |w - w0|^2 in their loss. The trainer adds the term; at the server nothing is different.
 */
export const fedProx = fedAvg;
