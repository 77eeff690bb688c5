/** Firefox as it is installed, without a driver: it opens one page, which reports by itself. */

import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync } from 'node:fs';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

const executable = process.env.HENGE_FIREFOX ?? '/usr/bin/firefox-esr';

/** Starts Firefox at `url` with a profile of its own. `end()` closes it and removes the profile. */
export async function startFirefox(url, onEnd) {
  const profile = await makeProfile();
  const running = startFirefoxIn(profile, url, onEnd);
  return {
    async end() {
      await running.end();
      await removeProfile(profile);
    },
  };
}

/** A folder for what Firefox keeps. */
export async function makeProfile() {
  const profile = await mkdtemp(join(tmpdir(), 'henge-firefox-'));
  const lines = PREFERENCES.map((preference) => `user_pref(${JSON.stringify(preference).slice(1, -1)});\n`);
  await writeFile(join(profile, 'user.js'), lines.join(''));
  return profile;
}

/** Removes a profile that is not in use. */
export async function removeProfile(profile) {
  await rm(profile, { recursive: true, force: true, maxRetries: 5 });
}

/** Starts Firefox at `url`. `end()` closes it; `kill()` ends it as a power cut would. */
export function startFirefoxIn(profile, url, onEnd) {
  if (!existsSync(executable)) throw new Error(`${executable} is not there: install firefox-esr, or name one by HENGE_FIREFOX`);
  const child = spawn(executable, ['--headless', '--no-remote', '--profile', profile, url], { stdio: ['ignore', 'pipe', 'pipe'] });
  let words = '';
  for (const stream of [child.stdout, child.stderr]) stream.on('data', (data) => (words += data));
  child.on('error', (error) => onEnd(String(error)));
  const closed = once(child, 'close');
  child.on('close', (code, signal) => onEnd(`Firefox ended with ${signal ?? code}:\n${words}`));
  const stop = async (signal) => {
    child.kill(signal);
    await closed;
  };
  return { end: () => stop('SIGTERM'), kill: () => stop('SIGKILL') };
}

/** No first page, no questions after a crash, and no news from anywhere: all but loopback goes to a proxy that is not there. */
const PREFERENCES = [
  ['browser.sessionstore.resume_from_crash', false],
  ['toolkit.startup.max_resumed_crashes', -1],
  ['network.proxy.type', 1],
  ['network.proxy.http', '127.0.0.1'],
  ['network.proxy.http_port', 9],
  ['network.proxy.ssl', '127.0.0.1'],
  ['network.proxy.ssl_port', 9],
  ['network.dns.disablePrefetch', true],
  ['network.captive-portal-service.enabled', false],
  ['network.connectivity-service.enabled', false],
  ['datareporting.policy.dataSubmissionEnabled', false],
  ['toolkit.telemetry.enabled', false],
  ['app.normandy.enabled', false],
  ['app.update.auto', false],
  ['browser.startup.homepage_override.mstone', 'ignore'],
  ['browser.aboutwelcome.enabled', false],
  ['browser.shell.checkDefaultBrowser', false],
  ['services.settings.server', 'http://127.0.0.1:9'],
  ['extensions.update.enabled', false],
];
