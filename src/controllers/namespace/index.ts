// Empties namespaces that are being deleted. Promises: a namespace goes only when nothing is left in it. Must not know
// what the kinds in it mean.
export { createNamespaceController, type NamespaceControllerOptions } from './controller.ts';
