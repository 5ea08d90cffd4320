/** C0, DEL and C1: nothing that a terminal or a log could take for a command. */
// oxlint-disable-next-line no-control-regex -- control characters are what it is for
const CONTROL = /[\u0000-\u001f\u007f-\u009f]/;
const SCHEME = /^[A-Za-z][A-Za-z0-9+.-]*:/;

/**
 * Whether a source key is a plain relative name: no `..` or `.` step, no leading or doubled `/`, no backslash, no
 * control character, no URL.
 */
export function isSourceKey(key: string): boolean {
  if (key.length === 0 || key.length > 1024 || CONTROL.test(key) || SCHEME.test(key) || key.includes('\\')) {
    return false;
  }
  return key.split('/').every((step) => step !== '' && step !== '.' && step !== '..');
}
