/**
 * The browsers that the trials are played in, by one code. What is started has:
 *
 * - `context.newPage()`, and `openTab(url)` for a page that has loaded. Pages are those of the browser's driver, which have
 *   in common: `goto(url)`, `evaluate(work, argument)`, `exposeFunction(name, work)`, `waitForFunction(work)`,
 *   `locator(selector).click()` and `.fill(text)`, `screenshot({ path })`, `bringToFront()`, `close()`. Firefox draws only the page
 *   in front, and what is filled or clicked must be drawn.
 * - `crash(page)` ends the process of a page that `openTab` has opened, and closes what is left of it.
 * - `kill()` ends the whole browser as a power cut would; `restart()` starts it again on what is left.
 * - `end()` closes it and removes its profile.
 */

import { startChromium } from './chromium.mjs';
import { startFirefox } from './firefox.mjs';

export { INSECURE_HOST } from './hosts.mjs';

/** How each is started, with `{ quotaBytes, isPrivate }`. */
export const BROWSERS = { Chromium: startChromium, Firefox: startFirefox };
