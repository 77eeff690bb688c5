/** Firefox as it is installed, driven over WebDriver BiDi without a download of its own. */

import { once } from 'node:events';
import { existsSync } from 'node:fs';
import { mkdtemp, readdir, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

import puppeteer from 'puppeteer-core';

const executablePath = process.env.HENGE_FIREFOX ?? '/usr/bin/firefox-esr';

/**
 * Starts Firefox with a profile of its own: see `browsers.mjs` for what both browsers can do. Each site has
 * `quotaBytes`, at least 10 MiB, for what it stores; with `isPrivate` every window is a private one. `preferences` are set
 * beside those of all tests.
 */
export async function startFirefox({ quotaBytes, isPrivate = false, preferences = {} } = {}) {
  if (!existsSync(executablePath)) throw new Error(`${executablePath} is not there: install firefox-esr, or name one by HENGE_FIREFOX`);
  const profile = await mkdtemp(join(tmpdir(), 'henge-firefox-'));
  const extraPrefsFirefox = {
    ...PREFERENCES,
    'browser.privatebrowsing.autostart': isPrivate,
    // A site may have a fifth of all; this is in KiB.
    ...(quotaBytes && { 'dom.quotaManager.temporaryStorage.fixedLimit': (quotaBytes * 5) / 1024 }),
    ...preferences,
  };
  /** The process of each page. */
  const processes = new WeakMap();
  const main = () => firefox.browser.process();
  const firefox = {
    async restart() {
      firefox.browser = await puppeteer.launch({
        browser: 'firefox',
        executablePath,
        headless: true,
        userDataDir: profile,
        extraPrefsFirefox,
        defaultViewport: { width: 1280, height: 900 },
        timeout: START_MS_MAX,
      });
      firefox.context = firefox.browser.defaultBrowserContext();
    },
    async openTab(url) {
      const before = await contentProcesses(main().pid);
      const page = await firefox.context.newPage();
      await page.goto(url);
      const [own] = (await contentProcesses(main().pid)).filter((pid) => !before.includes(pid));
      if (own) processes.set(page, own);
      return page;
    },
    async crash(page) {
      if (!processes.has(page)) throw new Error(`${page.url()} has no process of its own`);
      process.kill(processes.get(page), 'SIGKILL');
      await page.close();
    },
    async kill() {
      const hasEnded = once(main(), 'exit');
      main().kill('SIGKILL');
      await hasEnded;
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

/** The processes that have pages, of the Firefox whose first process is `main`. */
async function contentProcesses(main) {
  const found = [];
  for (const pid of await readdir('/proc')) {
    if (!/^\d+$/.test(pid)) continue;
    // One that ends meanwhile has none.
    const command = await readFile(`/proc/${pid}/cmdline`, 'utf8').catch(() => '');
    if (OF_PAGES.exec(command)?.[1] === String(main)) found.push(Number(pid));
  }
  return found;
}

/**
 * A process for each page, made when it is opened. No news from anywhere: all but loopback goes to a proxy that is not
 * there.
 */
const PREFERENCES = {
  'dom.ipc.processCount.webIsolated': 64,
  'dom.ipc.processPrelaunch.enabled': false,
  'network.proxy.type': 1,
  'network.proxy.http': '127.0.0.1',
  'network.proxy.http_port': 9,
  'network.proxy.ssl': '127.0.0.1',
  'network.proxy.ssl_port': 9,
  'network.dns.disablePrefetch': true,
  'network.captive-portal-service.enabled': false,
  'network.connectivity-service.enabled': false,
  'toolkit.telemetry.enabled': false,
  'app.normandy.enabled': false,
  'app.update.auto': false,
  'browser.aboutwelcome.enabled': false,
  'services.settings.server': 'http://127.0.0.1:9',
};
/** The command line of a process with pages, and which process has started it. */
const OF_PAGES = /-contentproc\b.*-parentPid\W(\d+)\b.*\btab\W*$/s;
/** A busy machine takes its time. */
const START_MS_MAX = 60_000;
