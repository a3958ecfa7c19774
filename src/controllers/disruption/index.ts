// Disruption budgets. Promises: their status says how many evictions they allow; the API server keeps to it. Must not
// evict anybody itself.
export { createDisruptionController } from './controller.ts';
