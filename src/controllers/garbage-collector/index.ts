// Deletes what nobody owns any more. Promises: an object goes only after every owner it names was seen to be gone, by a
// live read; work per event is bound by the dependents concerned. Must not know any kind: only metadata.
export { createGarbageCollector, type GarbageCollectorOptions } from './controller.ts';
