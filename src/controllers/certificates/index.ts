// Signs approved requests for client certificates, and removes requests that are over. Promises: signs nothing that was not
// approved, and nothing that makes anybody an administrator. Knows no key: signing is handed in.
export { createCertificateController, type SignCertificate } from './controller.ts';
