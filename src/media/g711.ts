/** The 16-bit sample of every mu-law byte (ITU-T G.711, table 2). */
export function muLawTable(): Int16Array {
  return Int16Array.from({ length: 256 }, (_, code) => {
    const bits = ~code & 0xff;
    const magnitude = ((((bits & 0x0f) << 3) + 0x84) << ((bits & 0x70) >> 4)) - 0x84;
    return (bits & 0x80) === 0 ? magnitude : -magnitude;
  });
}

/** The 16-bit sample of every A-law byte (ITU-T G.711, table 1). Its quietest value is 8, not 0. */
export function aLawTable(): Int16Array {
  return Int16Array.from({ length: 256 }, (_, code) => {
    const bits = code ^ 0x55;
    const segment = (bits & 0x70) >> 4;
    const step = ((bits & 0x0f) << 4) + 8;
    const magnitude = segment === 0 ? step : (step + 0x100) << (segment - 1);
    return (bits & 0x80) === 0 ? -magnitude : magnitude;
  });
}
