// SPDY/3.1, the way in which Kubernetes carries several streams over one connection: exec, attach and port-forward, both
// as the server that clients come to and as the client of a container runtime. Must not know what the streams carry.
export { SpdyConnection, type SpdyStream } from './connection.ts';
