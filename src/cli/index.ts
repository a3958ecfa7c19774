// The command line. Promises: one file per command, exit codes as documented in --help. Must not know how rooms work
// inside: it asks the engine and the API.
export { main } from './main.ts';
