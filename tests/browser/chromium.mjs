/** Chromium as it is installed, driven without a download of its own. */

import { mkdtemp, rm } from 'node:fs/promises';
import { existsSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

import { chromium } from 'playwright-core';

const executablePath = process.env.HENGE_CHROMIUM ?? '/usr/bin/chromium';

/** Starts Chromium with a profile of its own. `end()` closes it and removes the profile. */
export async function startChromium() {
  if (!existsSync(executablePath)) {
    throw new Error(`${executablePath} is not there: install chromium, or name it by HENGE_CHROMIUM`);
  }
  const profile = await mkdtemp(join(tmpdir(), 'henge-chromium-'));
  const context = await chromium.launchPersistentContext(profile, {
    executablePath,
    headless: true,
    viewport: { width: 1280, height: 900 },
    args: ['--no-sandbox', '--disable-gpu', '--disable-quic', '--no-first-run', '--disable-background-networking', '--disable-component-update', '--disable-sync'],
  });
  context.setDefaultTimeout(15_000);
  return {
    context,
    async end() {
      await context.close();
      await rm(profile, { recursive: true, force: true });
    },
  };
}

/** A new page; `problems` collects what it complains of. */
export async function openPage(context, url) {
  const page = await context.newPage();
  const problems = [];
  page.on('pageerror', (error) => problems.push(String(error)));
  page.on('console', (message) => {
    // That a stone is down is what the tests are about.
    const expected = /net::ERR_|WebSocket connection to/.test(message.text());
    if (message.type() === 'error' && !expected) problems.push(message.text());
  });
  await page.goto(url);
  return { page, problems };
}
