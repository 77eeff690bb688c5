import type { StoreError } from '../errors.js';
import type { LeafHost } from '../leaf-host.js';
import type { News } from '../leaf-port.js';
import type { Receipt } from '../types.js';
import { Line, type Wire } from './line.js';
import { cloneError, cloneNews, cloneStatus, lineOf, type Answer, type Call, type Question } from './messages.js';

/** What has the leaf of all tabs: a tab, or a worker of it. Serves the tabs that look for it. */
export class Leader {
  #name: string;
  #host: LeafHost;
  #id: string;
  #news: BroadcastChannel;
  #services = new Map<string, Service>();

  /** Serves the store `name` with `host`, known to others as `id`. */
  constructor(name: string, host: LeafHost, id: string) {
    this.#name = name;
    this.#host = host;
    this.#id = id;
    this.#news = new BroadcastChannel(name);
    this.#news.onmessage = ({ data }: MessageEvent<Call>) => data.kind === 'looking' && this.#meet(data.tab);
    this.#news.postMessage({ kind: 'leader' } satisfies Call);
  }

  /** Serves the tab at the other end of `wire`. */
  serve(tab: string, wire: Wire): void {
    this.#services.set(tab, new Service(this.#host, this.#id, wire));
  }

  /** Leads no more; the leaf is left as it is. */
  end(): void {
    this.#news.close();
    for (const service of this.#services.values()) service.end();
  }

  #meet(tab: string): void {
    const known = this.#services.get(tab);
    if (known) return known.tellState();
    const name = lineOf(this.#name, tab);
    this.serve(tab, new BroadcastChannel(name));
    // The tab has this lock as long as it lives.
    void navigator.locks.request(name, () => {
      this.#services.get(tab)?.end();
      this.#services.delete(tab);
    });
  }
}

/** What the leader does for one follower, until that is gone. */
class Service {
  #host: LeafHost;
  #leader: string;
  #line: Line<Answer, Question>;
  #timer: ReturnType<typeof setTimeout> | undefined;
  #reads = new Map<number, AbortController>();
  #subscriptions = new Map<number, () => void>();
  #stop: (() => void)[];

  /** Serves the tab at the other end of `wire`, as `leader`. */
  constructor(host: LeafHost, leader: string, wire: Wire) {
    this.#host = host;
    this.#leader = leader;
    this.#line = new Line(wire, (question: Question) => this.#serve(question));
    this.#stop = [
      host.onStatus(() => this.tellState()),
      host.onPending(() => {
        this.#timer ??= setTimeout(() => this.tellState(), STATE_MS);
      }),
      host.onRefused(({ key, error }) => {
        this.tellState();
        this.#line.say({ kind: 'refused', key, error: cloneError(error) });
      }),
    ];
    this.tellState();
  }

  /** Tells how things are. */
  tellState(): void {
    clearTimeout(this.#timer);
    this.#timer = undefined;
    const { state, pending, storage } = this.#host;
    this.#line.say({ kind: 'state', leader: this.#leader, status: cloneStatus(state), pending, storage });
  }

  /** The follower is gone, or this tab leads no more. */
  end(): void {
    clearTimeout(this.#timer);
    for (const stop of [...this.#stop, ...this.#subscriptions.values()]) stop();
    for (const read of this.#reads.values()) read.abort();
    this.#line.close();
  }

  #serve(question: Question): void {
    switch (question.kind) {
      case 'read': {
        const { number, request } = question;
        this.#answer(number, this.#host.read(request, this.#signalOf(number)));
        break;
      }
      case 'list': {
        const { number, request } = question;
        this.#answer(number, this.#host.list(request, this.#signalOf(number)));
        break;
      }
      case 'subscribe': {
        const { number, span } = question;
        const tell = (news: News): void => this.#line.say({ kind: 'news', number, news: cloneNews(news) });
        try {
          this.#subscriptions.set(number, this.#host.subscribe(span, tell));
        } catch (error) {
          tell({ kind: 'ended', error: error as StoreError });
        }
        break;
      }
      case 'unsubscribe':
        this.#subscriptions.get(question.number)?.();
        this.#subscriptions.delete(question.number);
        break;
      case 'cancel':
        this.#reads.get(question.number)?.abort();
        break;
      case 'flush':
        // Who has waited for that knows how many writes wait.
        this.#answer(question.number, this.#host.flush(question.until).then(() => this.tellState()));
        break;
      case 'write': {
        const { sequence } = question.mark;
        handIn(
          this.#host,
          question,
          ({ durability, version }) => this.#line.say({ kind: 'reached', sequence, durability, version }),
          (error) => {
            this.tellState();
            this.#line.say({ kind: 'ended', sequence, error: cloneError(error) });
          },
        );
        break;
      }
    }
  }

  #signalOf(number: number): AbortSignal {
    const aborter = new AbortController();
    this.#reads.set(number, aborter);
    return aborter.signal;
  }

  #answer(number: number, outcome: Promise<unknown>): void {
    outcome
      .then(
        (value) => this.#line.say({ kind: 'done', number, value }),
        (error) => this.#line.say({ kind: 'failed', number, error: cloneError(error) }),
      )
      .finally(() => this.#reads.delete(number));
  }
}

/** Hands a tab's write to the leaf; `reached` hears how far it has come, `ended` that it comes no further. */
export function handIn(
  host: LeafHost,
  { request, mark }: Question & { kind: 'write' },
  reached: (receipt: Receipt) => void,
  ended: (error: StoreError) => void,
): void {
  try {
    const receipt = host.write(request, mark);
    receipt.until('local').then(reached, () => undefined);
    receipt.until('edge').then(reached, () => undefined);
    receipt.until('ring').then(reached, ended);
  } catch (error) {
    ended(error as StoreError);
  }
}

/** How often a follower hears how many writes wait, at most, in milliseconds. */
const STATE_MS = 50;
