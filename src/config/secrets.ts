import type { Leaf } from './layers.ts';
import { keysFor, pathText } from './setting-keys.ts';

/**
 * Secrets stand in files, never in settings: those are printed, mounted, committed and read aloud. A value that
 * stands where a secret would be is never shown, not even in the sentence that refuses it.
 */

const SECRET_NAME =
  /^(?:password|passwd|pwd|passphrase|secret|secretkey|secretaccesskey|accesskeyid|accesskey|sessiontoken|token|apikey|credentials|kek|privatekey)$/i;
const PEM = /-----BEGIN [A-Z ]+-----/;
const USER_INFO = /^[a-z][a-z0-9+.-]*:\/\/[^/@]+@/i;

export function secretProblems(leaves: readonly Leaf[]): string[] {
  return leaves.flatMap((leaf) => {
    const where = `${pathText(leaf.path)} (${leaf.origin})`;
    const name = leaf.path.at(-1) ?? '';
    const isKnown = keysFor(leaf.path).length > 0;
    if (!isKnown && leaf.path.some((part) => SECRET_NAME.test(part.replace(/[_-]/g, '')))) {
      return [
        `${where} holds a secret; put it into a file of mode 0600 and name that file in ${fileSettingOf(name)}`,
      ];
    }
    const texts = [leaf.value].flat().filter((value) => typeof value === 'string');
    if (texts.some((text) => PEM.test(text)))
      return [`${where} holds PEM text; name a file that holds it instead`];
    if (texts.some((text) => USER_INFO.test(text)))
      return [`${where} holds a user or password; take it out of the address`];
    return [];
  });
}

/** Such a leaf is refused, once, and goes no further. */
export function holdsSecret(leaf: Leaf): boolean {
  return secretProblems([leaf]).length > 0;
}

function fileSettingOf(name: string): string {
  return /^pass/i.test(name) ? 'passwordFile' : 'credentialsFile';
}
