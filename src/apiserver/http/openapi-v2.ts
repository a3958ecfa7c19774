/**
 * The smallest document that kubectl 1.27 and 1.28 take: a gnostic `openapi.v2.Document` with swagger "2.0", a title and
 * a version, and no paths nor definitions. They then read /openapi/v3.
 */
const protobufDocument = Buffer.from('0a03322e3012070a014b1202763142004a00', 'hex');
const jsonDocument = JSON.stringify({ swagger: '2.0', info: { title: 'Rondo', version: 'v1.35.0' }, paths: {} });

/** The document for an Accept header, with its type. */
export function openApiV2(accept: string | undefined): {
  readonly contentType: string;
  readonly body: Buffer | string;
} {
  if (accept !== undefined && /proto-openapi\.spec\.v2|googleapis\.gnostic/.test(accept)) {
    return { contentType: 'application/com.github.proto-openapi.spec.v2.v1.0+protobuf', body: protobufDocument };
  }
  return { contentType: 'application/json', body: jsonDocument };
}
