import { CallsealError, type Code } from '../../src/domain/errors.ts';

/** The code an act fails with; `none` where it succeeds. An error without a code is none of the product's: thrown. */
export async function failureCode(act: Promise<unknown>): Promise<Code | 'none'> {
  try {
    await act;
    return 'none';
  } catch (error) {
    if (error instanceof CallsealError) return error.code;
    throw error;
  }
}
