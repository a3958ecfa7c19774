// The one door to a cluster. Promises: the same behaviour in process and over HTTP; caches that are never wrong for
// long. Must not know which server is behind it, nor what controllers do with objects.
export type {
  Client,
  DeleteOptions,
  ListOptions,
  ObjectList,
  Patch,
  PatchOptions,
  PodLogOptions,
  PropagationPolicy,
  WatchEvent,
  WatchHandler,
  WatchOptions,
  WriteOptions,
} from './client.ts';
export type { IndexFunction, Informer, InformerHandler, InformerOptions, Informers } from './informer.ts';
export { createInformer, type InformerContext, type RunnableInformer } from './create-informer.ts';
export { createInformers } from './create-informers.ts';
export { createHttpClient, type HttpClientOptions } from './http-client.ts';
export {
  buildKubeconfig,
  loadKubeconfig,
  mergeKubeconfig,
  type ClusterAccess,
  type KubeconfigOptions,
  type LoadOptions,
} from './kubeconfig.ts';
