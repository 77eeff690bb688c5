/** Firefox as it is installed, driven over WebDriver BiDi without a download of its own. */

import { randomUUID } from 'node:crypto';
import { once } from 'node:events';
import { existsSync } from 'node:fs';
import { mkdtemp, rename, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

import puppeteer from 'puppeteer-core';

import { INSECURE_HOST } from './hosts.mjs';

const executablePath = process.env.HENGE_FIREFOX ?? '/usr/bin/firefox-esr';

/**
 * Starts Firefox with a profile of its own: see `browsers.mjs` for what both browsers can do. Each site has
 * `quotaBytes`, at least 10 MiB, for what it stores; with `isPrivate` every window is a private one. `preferences` are set
 * beside those of all tests.
 */
export async function startFirefox({ quotaBytes, isPrivate = false, preferences = {} } = {}) {
  if (!existsSync(executablePath)) throw new Error(`${executablePath} is not there: install firefox-esr, or name one by HENGE_FIREFOX`);
  let profile = await mkdtemp(join(tmpdir(), 'henge-firefox-'));
  const extraPrefsFirefox = {
    ...PREFERENCES,
    'browser.privatebrowsing.autostart': isPrivate,
    // A site may have a fifth of all; this is in KiB.
    ...(quotaBytes && { 'dom.quotaManager.temporaryStorage.fixedLimit': (quotaBytes * 5) / 1024 }),
    ...preferences,
  };
  const main = () => firefox.browser.process();
  const firefox = {
    async restart() {
      firefox.browser = await puppeteer.launch({
        browser: 'firefox',
        executablePath,
        headless: true,
        // For what the browser says of its processes.
        args: ['--remote-allow-system-access'],
        userDataDir: profile,
        extraPrefsFirefox,
        defaultViewport: { width: 1280, height: 900 },
        timeout: START_MS_MAX,
      });
      firefox.context = firefox.browser.defaultBrowserContext();
    },
    async openTab(url) {
      const page = await firefox.context.newPage();
      await page.goto(url);
      return page;
    },
    async crash(page) {
      const mark = randomUUID();
      await page.evaluate((mark) => void (document.title = mark), mark);
      const witness = await firefox.context.newPage();
      // The driver hears no events of pages that are the browser's own.
      await witness.goto('about:about', { waitUntil: [] });
      const processes = await witness.evaluate(async () => {
        const { children } = await ChromeUtils.requestProcInfo();
        return children.map(({ pid, windows }) => ({ pid, titles: windows.map((it) => it.documentTitle) }));
      });
      await witness.close();
      const own = processes.find(({ titles }) => titles.includes(mark));
      if (own?.titles.length !== 1) throw new Error(`the page is not alone in its process: ${JSON.stringify(own)}`);
      process.kill(own.pid, 'SIGKILL');
      await page.close();
    },
    async kill() {
      const hasEnded = once(main(), 'exit');
      main().kill('SIGKILL');
      await hasEnded;
      // The driver goes on to tidy up where the profile was.
      const left = profile;
      profile = `${left}-`;
      await rename(left, profile);
    },
    async end() {
      await firefox.browser?.close();
      await rm(profile, { recursive: true, force: true, maxRetries: 5 });
    },
  };
  try {
    await firefox.restart();
    return firefox;
  } catch (error) {
    await firefox.end();
    throw error;
  }
}

/** A process for each page. No news from anywhere: all but loopback goes to a proxy that is not there. */
const PREFERENCES = {
  'dom.ipc.processCount': 64,
  'network.proxy.type': 1,
  'network.proxy.http': '127.0.0.1',
  'network.proxy.http_port': 9,
  'network.proxy.ssl': '127.0.0.1',
  'network.proxy.ssl_port': 9,
  'network.proxy.no_proxies_on': INSECURE_HOST,
  'network.dns.localDomains': INSECURE_HOST,
  'network.dns.disablePrefetch': true,
  'network.captive-portal-service.enabled': false,
  'network.connectivity-service.enabled': false,
  'toolkit.telemetry.enabled': false,
  'app.normandy.enabled': false,
  'app.update.auto': false,
  'browser.aboutwelcome.enabled': false,
  'services.settings.server': 'http://127.0.0.1:9',
};
/** A busy machine takes its time. */
const START_MS_MAX = 60_000;
