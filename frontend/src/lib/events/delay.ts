/** How long something took, as short as it can be read. */
import { regionalLocale } from "#lib/locale.ts";

const locale = regionalLocale();
const hundredths = decimals(2);
const tenths = decimals(1);
const whole = decimals(0);

function decimals(digits: number): Intl.NumberFormat {
  return new Intl.NumberFormat(locale, {
    minimumFractionDigits: digits,
    maximumFractionDigits: digits,
  });
}

/** In the units' signs, which are the same in all languages. */
export function durationText(seconds: number): string {
  if (seconds < 0.995) return `${hundredths.format(seconds)}\u00a0s`;
  if (seconds < 59.95) return `${tenths.format(seconds)}\u00a0s`;
  if (seconds < 3570) return `${whole.format(seconds / 60)}\u00a0min`;
  if (seconds < 84_600) return `${whole.format(seconds / 3600)}\u00a0h`;
  return `${whole.format(seconds / 86_400)}\u00a0d`;
}

/** From the event at WorkOS to its arrival. Two clocks: what came before it happened came at once. */
export function delayText({
  occurred_at,
  received_at,
}: {
  occurred_at: string;
  received_at: string;
}): string {
  const milliseconds = new Date(received_at).getTime() - new Date(occurred_at).getTime();
  return durationText(Math.max(0, milliseconds / 1000));
}
