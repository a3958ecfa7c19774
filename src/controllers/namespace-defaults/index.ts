// Keeps what every namespace has to have: the ServiceAccount `default` and the ConfigMap `kube-root-ca.crt`. Promises:
// both come back when deleted. Must not know who uses them.
export { createNamespaceDefaultsController, type NamespaceDefaultsOptions } from './controller.ts';
