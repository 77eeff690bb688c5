import type { StoreError } from '../errors.js';
import type { LeafHost } from '../leaf-host.js';
import type { News } from '../leaf-port.js';
import type { Receipt } from '../types.js';
import { cloneError, cloneNews, cloneStatus, type Answer, type Question } from './messages.js';

/** What the leader does for one follower, until that is gone. */
export class Service {
  #host: LeafHost;
  #leader: string;
  #channel: BroadcastChannel;
  #timer: ReturnType<typeof setTimeout> | undefined;
  #reads = new Map<number, AbortController>();
  #subscriptions = new Map<number, () => void>();
  #stop: (() => void)[];

  /** Serves the tab at the other end of `channel`, as the tab `leader`. */
  constructor(host: LeafHost, leader: string, channel: BroadcastChannel) {
    this.#host = host;
    this.#leader = leader;
    this.#channel = channel;
    channel.onmessage = ({ data }: MessageEvent<Question>) => this.#serve(data);
    this.#stop = [
      host.onStatus(() => this.tellState()),
      host.onPending(() => {
        this.#timer ??= setTimeout(() => this.tellState(), STATE_MS);
      }),
      host.onRefused(({ key, error }) => this.#tell({ kind: 'refused', key, error: cloneError(error) })),
    ];
    this.tellState();
  }

  /** Tells how things are. */
  tellState(): void {
    clearTimeout(this.#timer);
    this.#timer = undefined;
    const { state, pending, storage } = this.#host;
    this.#tell({ kind: 'state', leader: this.#leader, status: cloneStatus(state), pending, storage });
  }

  /** The follower is gone, or this tab leads no more. */
  end(): void {
    clearTimeout(this.#timer);
    for (const stop of [...this.#stop, ...this.#subscriptions.values()]) stop();
    for (const read of this.#reads.values()) read.abort();
    this.#channel.close();
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
        const tell = (news: News): void => this.#tell({ kind: 'news', number, news: cloneNews(news) });
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
        this.#answer(question.number, this.#host.flush(question.until));
        break;
      case 'write': {
        const { sequence } = question.mark;
        handIn(
          this.#host,
          question,
          ({ durability, version }) => this.#tell({ kind: 'reached', sequence, durability, version }),
          (error) => this.#tell({ kind: 'ended', sequence, error: cloneError(error) }),
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
        (value) => this.#tell({ kind: 'done', number, value }),
        (error) => this.#tell({ kind: 'failed', number, error: cloneError(error) }),
      )
      .finally(() => this.#reads.delete(number));
  }

  #tell(answer: Answer): void {
    try {
      this.#channel.postMessage(answer);
    } catch {
      // Closed meanwhile: nobody listens.
    }
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
