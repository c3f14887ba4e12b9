export const NOTICE =
  'For research only; not a medical device. A probability says how sure the model is, not how likely the diagnosis is in a patient.';
