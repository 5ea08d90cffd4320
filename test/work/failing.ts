/**
 * The port with one method that rejects with `error` the first `times` times; `after` the act where its reply is what
 * is lost.
 */
export function failing<Port extends object>(
  real: Port,
  name: keyof Port & string,
  error: () => unknown,
  { times = 1, when = 'before' }: { times?: number; when?: 'before' | 'after' } = {},
): Port {
  const act = real[name] as (...args: readonly unknown[]) => Promise<unknown>;
  let left = times;
  const fails = async (...args: readonly unknown[]): Promise<unknown> => {
    if (left-- <= 0) return await act(...args);
    if (when === 'after') await act(...args);
    throw error();
  };
  return { ...real, [name]: fails };
}
