/** What a random sample lets one say, as exact as the sample is: no approximation, no assumption about the rest. */
const ALPHA = 0.05;
const STEPS = 60;

/**
 * The upper end of the one-sided 95 % confidence interval of the share of damaged calls (Clopper and Pearson): were
 * more damaged, so few would turn up in fewer than one of twenty such samples. For none among n it is 1 − 0.05^(1/n),
 * about 3/n.
 *
 * @returns a share from 0 to 1
 */
export function damagedAtMost(checked: number, damaged: number): number {
  if (checked === 0 || damaged >= checked) return 1;
  if (damaged === 0) return 1 - ALPHA ** (1 / checked);
  let low = damaged / checked;
  let high = 1;
  for (let step = 0; step < STEPS; step++) {
    const middle = (low + high) / 2;
    if (atMostThatMany(checked, damaged, middle) > ALPHA) low = middle;
    else high = middle;
  }
  return high;
}

/** The same in words; undefined where nothing was checked. */
export function confidenceSentence(checked: number, damaged: number): string | undefined {
  if (checked === 0) return undefined;
  const most = 100 * damagedAtMost(checked, damaged);
  // Rounded up: a bound that is rounded down is none.
  const share = (Math.ceil(most * 100) / 100).toFixed(2);
  const found = damaged === 0 ? 'none' : String(damaged);
  return `${found} of ${checked} calls is damaged: with 95 % confidence at most ${share} % of all calls are`;
}

/** Probability of at most `damaged` among `checked` where `share` of all are, added up in logarithms. */
function atMostThatMany(checked: number, damaged: number, share: number): number {
  let logarithm = checked * Math.log1p(-share);
  let sum = Math.exp(logarithm);
  for (let k = 1; k <= damaged; k++) {
    logarithm += Math.log((checked - k + 1) / k) + Math.log(share) - Math.log1p(-share);
    sum += Math.exp(logarithm);
  }
  return sum;
}
