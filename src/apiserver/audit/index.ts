// What is written down of requests. Promises: who, what, when and the answer; never what bodies hold. Knows no files.
export { Auditor, type AuditSink, type RequestTrail } from './auditor.ts';
