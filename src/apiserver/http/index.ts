// The API server's HTTP side. Promises: what the generic operations do is reached by upstream's URLs, verbs, content
// types and Status texts, over HTTP/1.1 and HTTP/2 alike. Must not know single kinds, nor the store's layout.
export { createHttpHandler, type HttpHandler, type HttpHandlerOptions } from './handler.ts';
export { listen, type HttpListening } from './listen.ts';
export type { HealthCheck } from './health.ts';
export type { InFlightLimits } from './in-flight.ts';
