// Tokens of ServiceAccounts: made, and checked. Promises: signatures of one fixed algorithm; whatever can end a token
// (time, deletion of what it stands for or is bound to) is looked up by key at each use. Knows no HTTP.
export { automaticExpirationSeconds, claimed, TokenIssuer, type WantedToken } from './token-issuer.ts';
export { defaultAudiences, serviceAccountGroups, serviceAccountUser, tokenIssuer } from './claims.ts';
export { makeSigningKeyPem, readSigningKey, type SigningKey } from './signing-key.ts';
export { TokenVerifier, type VerifiedToken } from './token-verifier.ts';
