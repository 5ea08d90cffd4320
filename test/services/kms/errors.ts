/**
 * AWS's exceptions, by the names and HTTP codes of the KMS API reference, and of its "Common Errors" page for the last
 * block. A client reads the name from `__type`; the code is for proxies and for people.
 */
const HTTP_CODE = {
  AlreadyExistsException: 409,
  DisabledException: 409,
  DryRunOperationException: 412,
  IncorrectKeyException: 400,
  InvalidAliasNameException: 400,
  InvalidArnException: 400,
  InvalidCiphertextException: 400,
  InvalidKeyUsageException: 400,
  InvalidMarkerException: 400,
  KMSInternalException: 500,
  KMSInvalidMacException: 400,
  KMSInvalidSignatureException: 400,
  KMSInvalidStateException: 409,
  LimitExceededException: 400,
  NotFoundException: 404,
  UnsupportedOperationException: 400,

  AccessDeniedException: 400,
  IncompleteSignatureException: 400,
  InvalidSignatureException: 400,
  MissingAuthenticationTokenException: 400,
  SerializationException: 400,
  ThrottlingException: 400,
  UnknownOperationException: 400,
  UnrecognizedClientException: 400,
  ValidationException: 400,
} as const;

export type KmsErrorName = keyof typeof HTTP_CODE;

export class KmsError extends Error {
  override readonly name: KmsErrorName;

  constructor(name: KmsErrorName, message = '') {
    super(message);
    this.name = name;
  }

  get httpCode(): number {
    return HTTP_CODE[this.name];
  }
}
