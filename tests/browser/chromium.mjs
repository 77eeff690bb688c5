/** Chromium as it is installed, driven without a download of its own. */

import { mkdtemp, rm } from 'node:fs/promises';
import { existsSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout } from 'node:timers/promises';

import { chromium as driver } from 'playwright-core';

import { INSECURE_HOST } from './hosts.mjs';

const executablePath = process.env.HENGE_CHROMIUM ?? '/usr/bin/chromium';

/**
 * Starts Chromium with a profile of its own: see `browsers.mjs` for what both browsers can do. Pages that are
 * opened by `openTab` have `quotaBytes` for what they store, those of `isPrivate` keep nothing.
 */
export async function startChromium({ quotaBytes, isPrivate = false } = {}) {
  if (!existsSync(executablePath)) {
    throw new Error(`${executablePath} is not there: install chromium, or name it by HENGE_CHROMIUM`);
  }
  const profile = await mkdtemp(join(tmpdir(), 'henge-chromium-'));
  let whole;
  const chromium = {
    async restart() {
      whole = await driver.launchPersistentContext(profile, {
        executablePath,
        headless: true,
        viewport: VIEWPORT,
        args: [`--host-resolver-rules=MAP ${INSECURE_HOST} 127.0.0.1`, '--no-sandbox', '--disable-gpu', '--disable-quic', '--no-first-run', '--disable-background-networking', '--disable-component-update', '--disable-sync'],
      });
      chromium.context = isPrivate ? await whole.browser().newContext({ viewport: VIEWPORT }) : whole;
      chromium.context.setDefaultTimeout(15_000);
    },
    async openTab(url) {
      const page = await chromium.context.newPage();
      if (quotaBytes) await (await chromium.context.newCDPSession(page)).send('Storage.overrideQuotaForOrigin', { origin: url, quotaSize: quotaBytes });
      await page.goto(url);
      return page;
    },
    async crash(page) {
      const devtools = await page.context().newCDPSession(page);
      const hasCrashed = page.waitForEvent('crash');
      // It cannot answer any more.
      devtools.send('Page.crash').catch(() => undefined);
      await hasCrashed;
      await page.close();
    },
    async kill() {
      const hasEnded = new Promise((resolve) => whole.on('close', resolve));
      const devtools = await whole.browser().newBrowserCDPSession();
      const { processInfo } = await devtools.send('SystemInfo.getProcessInfo');
      const ids = processInfo.map(({ id }) => id);
      for (const id of ids) signal(id, 'SIGKILL');
      await hasEnded;
      // As long as one has its files, the next that starts on them takes a database for damaged, and drops it.
      while (ids.some((id) => signal(id, 0))) await setTimeout(10);
    },
    async end() {
      await whole?.close();
      await rm(profile, { recursive: true, force: true, maxRetries: 5 });
    },
  };
  try {
    await chromium.restart();
    return chromium;
  } catch (error) {
    await chromium.end();
    throw error;
  }
}

/** Whether a process was there to be sent a signal. */
function signal(id, name) {
  try {
    return process.kill(id, name);
  } catch {
    return false;
  }
}

/** A new page, of Firefox as well; `problems` collects what it complains of. */
export async function openPage(context, url) {
  const page = await context.newPage();
  const problems = [];
  const note = (words) => {
    // That a stone is down is what the tests are about.
    if (!/net::ERR_|WebSocket connection to|establish a connection to the server at ws:|The connection to ws:/.test(words)) problems.push(words);
  };
  page.on('pageerror', (error) => note(String(error)));
  page.on('console', (message) => message.type() === 'error' && note(message.text()));
  await page.goto(url);
  return { page, problems };
}

const VIEWPORT = { width: 1280, height: 900 };
