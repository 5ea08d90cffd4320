/** Object names carry opaque ids only; the attempt makes them fresh, so a name is written at most once. */
export function attemptPrefix(tenant: string, callUid: string, attempt: string): string {
  return `${tenant}/${callUid}/${attempt}/`;
}

export function objectName(tenant: string, callUid: string, attempt: string, artifact: string): string {
  return `${attemptPrefix(tenant, callUid, attempt)}${artifact}`;
}

/** The attempt under whose name an object stands, or undefined for a name this product did not make. */
export function attemptOf(name: string): string | undefined {
  return partsOf(name)?.[2];
}

/** The call uid in an object's name, or undefined for a name this product did not make. */
export function callUidOf(name: string): string | undefined {
  return partsOf(name)?.[1];
}

function partsOf(name: string): string[] | undefined {
  const parts = name.split('/');
  return parts.length === 4 ? parts : undefined;
}
