/** One colour a member; lightness and strength come from the style sheet, for dark and light. */

/** Hues in degrees, far apart for the first few. */
const HUES = [245, 155, 345, 42, 200, 300, 120, 18, 270];
const GOLDEN_ANGLE = 137.508;

/** CSS colour of the member that stands at `place`. */
export function memberColour(place) {
  const hue = HUES[place] ?? (place * GOLDEN_ANGLE) % 360;
  return `oklch(var(--member-l) var(--member-c) ${hue.toFixed(0)})`;
}
