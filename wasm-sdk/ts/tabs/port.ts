import { StoreError } from '../errors.js';
import { tellAll } from '../host.js';
import type { LeafHost } from '../leaf-host.js';
import { newMaker, type FlushUntil, type LeafPort, type ListRequest, type News, type ReadRequest, type RowPage, type WriteMark, type WriteRequest } from '../leaf-port.js';
import { WriteReceipt } from '../receipt.js';
import type { EncodedSpan } from '../span.js';
import type { Receipt, RefusedWrite, Status, StorageInfo } from '../types.js';
import type { EngineWorker } from './engine-worker.js';
import { handIn, Leader } from './leader.js';
import { Line, type Wire } from './line.js';
import { lockProblem } from './locks.js';
import { errorOfClone, lineOf, newsOfClone, statusOfClone, type Answer, type Call, type ClonedStatus, type Question } from './messages.js';

/** Whether this runtime has tabs that share a storage, and the means to agree which of them uses it. */
export async function areThereTabs(): Promise<boolean> {
  return typeof BroadcastChannel !== 'undefined' && typeof indexedDB !== 'undefined' && (await lockProblem()) === undefined;
}

/** How a tab comes to have the leaf when it leads: itself, or in a worker of its own. */
export type Lead =
  | { readonly host: () => Promise<LeafHost> }
  /** Starts the worker for the tab of this name; `gone` hears that it has ended. */
  | { readonly worker: (name: string, tab: string, gone: () => void) => Promise<EngineWorker> };

/** A question that has no answer yet. */
interface Open {
  question: Question;
  resolve: (value: unknown) => void;
  reject: (error: unknown) => void;
}

/** Keys that somebody in this tab wants to hear of. */
interface Heard {
  readonly span: EncodedSpan;
  readonly listener: (news: News) => void;
  /** Ends it, in the leader's tab. */
  stop: (() => void) | undefined;
}

/**
 * The leaf that all tabs of an origin share. One tab, the leader, has it; it holds a lock as long as it
 * lives, or has a worker that has it. The others ask. When it is gone, the next in the lock's queue leads; what was asked of the
 * old one is asked again, and a write under its old mark, so that it is applied once.
 */
export class TabPort implements LeafPort {
  #base: string;
  #lead: Lead;
  #tab = crypto.randomUUID();
  #maker = newMaker();
  #number = 0;
  #news: BroadcastChannel;
  /** What leads to the leader. */
  #line: Line<Question, Answer>;
  /** Who answers there, once somebody has. */
  #leader: string | undefined;
  /** Whether there was a leader before that one. */
  #wasLed = false;
  /** The leaf, if this tab leads and has it itself. */
  #host: LeafHost | undefined;
  /** What serves the other tabs then. */
  #service: Leader | undefined;
  /** What has the leaf, if this tab leads by a worker. */
  #worker: EngineWorker | undefined;
  /** Why this tab could not lead. */
  #problem: StoreError | undefined;
  #questions = new Map<number, Open>();
  #writes = new Map<number, { question: Question & { kind: 'write' }; receipt: WriteReceipt }>();
  #heard = new Map<number, Heard>();
  #status: Status = { state: 'connecting' };
  /** The status that the leader has told last. */
  #heardStatus = '';
  #pending = 0;
  #pendingTold = 0;
  #storage: StorageInfo | undefined;
  #statusListeners = new Set<(status: Status) => void>();
  #pendingListeners = new Set<(pending: number) => void>();
  #refusedListeners = new Set<(refused: RefusedWrite) => void>();
  #letGo: (() => void)[] = [];
  #isReady: Promise<void>;
  #ready!: { resolve: () => void; reject: (error: unknown) => void };
  #isClosed = false;

  /** Joins the tabs that have the store `name` open, as the leader if there is none. */
  static async open(name: string, lead: Lead): Promise<TabPort> {
    const port = new TabPort(`henge:${name}`, lead);
    try {
      await port.#isReady;
    } catch (error) {
      await port.end();
      throw error;
    }
    return port;
  }

  private constructor(base: string, lead: Lead) {
    this.#base = base;
    this.#lead = lead;
    this.#isReady = new Promise((resolve, reject) => (this.#ready = { resolve, reject }));
    this.#news = new BroadcastChannel(base);
    this.#news.onmessage = ({ data }: MessageEvent<Call>) => this.#hear(data);
    const line = lineOf(base, this.#tab);
    this.#line = this.#lineOver(new BroadcastChannel(line));
    // The leader waits for this one, and so learns that this tab is gone.
    this.#hold(line, () => {
      this.#say({ kind: 'looking', tab: this.#tab });
      this.#hold(base, () => void this.#begin().catch((cause) => this.#fail(cause)));
    });
  }

  get state(): Status {
    return this.#host?.state ?? this.#status;
  }

  get pending(): number {
    return this.#host?.pending ?? Math.max(this.#pending, this.#writes.size);
  }

  get storage(): StorageInfo {
    return this.#host?.storage ?? this.#storage ?? { kind: 'indexeddb' };
  }

  read<T>(request: ReadRequest, signal: AbortSignal | undefined): Promise<T> {
    this.#checkOpen();
    if (this.#host) return this.#host.read(request, signal);
    const number = this.#next();
    return this.#askUntil<T>(number, { kind: 'read', number, request }, signal);
  }

  list(request: ListRequest, signal: AbortSignal | undefined): Promise<RowPage> {
    this.#checkOpen();
    if (this.#host) return this.#host.list(request, signal);
    const number = this.#next();
    return this.#askUntil<RowPage>(number, { kind: 'list', number, request }, signal);
  }

  subscribe(span: EncodedSpan, listener: (news: News) => void): () => void {
    this.#checkOpen();
    const number = this.#next();
    const heard: Heard = { span, listener, stop: this.#host?.subscribe(span, listener) };
    this.#heard.set(number, heard);
    if (!this.#host && this.#leader) this.#line.say({ kind: 'subscribe', number, span });
    return () => {
      if (!this.#heard.delete(number) || this.#isClosed) return;
      if (heard.stop) heard.stop();
      else this.#line.say({ kind: 'unsubscribe', number });
    };
  }

  /** Asks the leader, until `signal` gives that up. */
  #askUntil<T>(number: number, question: Question, signal: AbortSignal | undefined): Promise<T> {
    const answer = this.#ask<T>(number, question);
    signal?.addEventListener('abort', () => {
      const open = this.#questions.get(number);
      if (!open) return;
      this.#questions.delete(number);
      this.#line.say({ kind: 'cancel', number });
      const message = 'the call was given up by its signal; nothing was written';
      open.reject(new StoreError('ABORTED', message, { cause: signal.reason }));
    });
    return answer;
  }

  write(request: WriteRequest): Receipt {
    this.#checkOpen();
    const mark: WriteMark = { maker: this.#maker, sequence: this.#next() };
    if (this.#host) return this.#host.write(request, mark);
    if (this.#writes.size >= WRITES_MAX) {
      throw new StoreError('RATE_LIMITED', 'too many writes of this tab wait; wait until some have come to their end', { key: request.key, retryable: true });
    }
    const receipt = new WriteReceipt(this, request);
    const question = { kind: 'write', mark, request } as const;
    this.#writes.set(mark.sequence, { question, receipt });
    this.#tellPending();
    if (this.#leader) this.#line.say(question);
    return receipt;
  }

  flush(until: FlushUntil): Promise<void> {
    this.#checkOpen();
    if (this.#host) return this.#host.flush(until);
    const number = this.#next();
    return this.#ask(number, { kind: 'flush', number, until });
  }

  onStatus(listener: (status: Status) => void): () => void {
    this.#statusListeners.add(listener);
    return () => this.#statusListeners.delete(listener);
  }

  onPending(listener: (pending: number) => void): () => void {
    this.#pendingListeners.add(listener);
    return () => this.#pendingListeners.delete(listener);
  }

  onRefused(listener: (refused: RefusedWrite) => void): () => void {
    this.#refusedListeners.add(listener);
    return () => this.#refusedListeners.delete(listener);
  }

  async end(): Promise<void> {
    if (this.#isClosed) return;
    this.#isClosed = true;
    if (!this.#host) await this.#untilStored();
    this.#service?.end();
    await this.#host?.end();
    await this.#worker?.end();
    const error = new StoreError('CLOSED', 'the store was closed before the outcome came; what the leading tab has is kept');
    for (const { reject } of this.#questions.values()) reject(error);
    for (const { receipt } of this.#writes.values()) receipt.ended(error);
    this.#become({ state: 'closed' });
    this.#news.close();
    this.#line.close();
    for (const letGo of this.#letGo) letGo();
  }

  /** Resolves when the leader has stored what this tab has written, or has taken too long. */
  async #untilStored(): Promise<void> {
    const stored = Array.from(this.#writes.values(), ({ receipt }) => receipt.until('local'));
    await new Promise<void>((resolve) => {
      const timer = setTimeout(resolve, STORED_MS_MAX);
      void Promise.allSettled(stored).then(() => {
        clearTimeout(timer);
        resolve();
      });
    });
  }

  /** Holds a lock from when it is had until this tab is closed. */
  #hold(lock: string, held: () => void): void {
    const aborter = new AbortController();
    this.#letGo.push(() => aborter.abort());
    navigator.locks
      .request(lock, { signal: aborter.signal }, () => {
        if (this.#isClosed) return undefined;
        held();
        return new Promise<void>((resolve) => this.#letGo.push(resolve));
      })
      .catch((error: Error) => {
        if (!this.#isClosed) this.#ready.reject(new StoreError('STORAGE_UNAVAILABLE', `no lock here (${error.message})`, { cause: error }));
      });
  }

  /** This tab has the lock: nobody else uses the storage. */
  async #begin(): Promise<void> {
    if ('worker' in this.#lead) return this.#startWorker(this.#lead.worker);
    const host = await this.#lead.host();
    if (this.#isClosed) return host.end();
    this.#host = host;
    host.onStatus((status) => this.#become(status));
    host.onPending(() => this.#tellPending());
    host.onRefused((refused) => tellAll(this.#refusedListeners, refused));
    this.#become(host.state);
    for (const { question, receipt } of this.#writes.values()) {
      handIn(host, question, (it) => receipt.reached(it.durability, it.version), (error) => receipt.ended(error));
    }
    this.#writes.clear();
    for (const { question, resolve, reject } of this.#questions.values()) {
      if (question.kind === 'read') host.read(question.request, undefined).then(resolve, reject);
      if (question.kind === 'list') host.list(question.request, undefined).then(resolve, reject);
      if (question.kind === 'flush') host.flush(question.until).then(resolve, reject);
    }
    this.#questions.clear();
    this.#tellPending();
    for (const heard of this.#heard.values()) {
      heard.stop = host.subscribe(heard.span, heard.listener);
      heard.listener({ kind: 'resync' });
    }
    this.#ready.resolve();
    this.#service = new Leader(this.#base, host, this.#tab);
  }

  /** A worker has the leaf, and this tab asks it as all others do; when it is gone, the next. */
  async #startWorker(start: (name: string, tab: string, gone: () => void) => Promise<EngineWorker>): Promise<void> {
    this.#leader = undefined;
    const began = performance.now();
    const worker = await start(this.#base, this.#tab, () => {
      if (this.#isClosed) return;
      if (performance.now() - began < WORKER_MS_MIN) {
        return this.#fail(new StoreError('INTERNAL', 'the worker of the store ends again and again; open the store again', { retryable: true }));
      }
      this.#startWorker(start).catch((cause) => this.#fail(cause));
    });
    if (this.#isClosed) return worker.end();
    this.#worker = worker;
    this.#line.close();
    this.#line = this.#lineOver(worker.port);
  }

  /** This tab cannot lead. Another one may have more luck. */
  #fail(cause: unknown): void {
    const error = cause instanceof StoreError ? cause : new StoreError('STORAGE_UNAVAILABLE', String(cause), { cause });
    this.#problem = error;
    this.#ready.reject(error);
    this.#become({ state: 'failed', error });
    for (const { reject } of this.#questions.values()) reject(error);
    for (const { receipt } of this.#writes.values()) receipt.ended(error);
    for (const letGo of this.#letGo.splice(0)) letGo();
  }

  #hear(news: Call): void {
    // A tab that leads hears of itself, too.
    if (news.kind === 'leader' && !this.#host) this.#say({ kind: 'looking', tab: this.#tab });
  }

  /** The leader has told something. */
  #take(answer: Answer): void {
    switch (answer.kind) {
      case 'state':
        this.#pending = answer.pending;
        this.#tellPending();
        this.#storage = answer.storage;
        this.#hearStatus(answer.status);
        return this.#meet(answer.leader);
      case 'done':
        this.#questions.get(answer.number)?.resolve(answer.value);
        this.#questions.delete(answer.number);
        return;
      case 'failed':
        this.#questions.get(answer.number)?.reject(errorOfClone(answer.error));
        this.#questions.delete(answer.number);
        return;
      case 'reached':
        this.#writes.get(answer.sequence)?.receipt.reached(answer.durability, answer.version);
        if (answer.durability === 'ring') this.#over(answer.sequence);
        return;
      case 'ended':
        this.#writes.get(answer.sequence)?.receipt.ended(errorOfClone(answer.error));
        this.#over(answer.sequence);
        return;
      case 'news':
        this.#heard.get(answer.number)?.listener(newsOfClone(answer.news));
        return;
      case 'refused':
        tellAll(this.#refusedListeners, { key: answer.key, error: errorOfClone(answer.error) });
        return;
    }
  }

  /** The leader speaks: it is told all that has no answer, if it is a new one. */
  #meet(leader: string): void {
    this.#ready.resolve();
    if (this.#leader === leader || this.#host) return;
    this.#leader = leader;
    for (const [number, { span, listener }] of this.#heard) {
      this.#line.say({ kind: 'subscribe', number, span });
      if (this.#wasLed) listener({ kind: 'resync' });
    }
    this.#wasLed = true;
    for (const { question } of this.#writes.values()) this.#line.say(question);
    for (const { question } of this.#questions.values()) this.#line.say(question);
  }

  /** Asks the leader, now or when there is one. */
  #ask<T>(number: number, question: Question): Promise<T> {
    return new Promise<T>((resolve, reject) => {
      this.#questions.set(number, { question, resolve: resolve as (value: unknown) => void, reject });
      if (this.#leader) this.#line.say(question);
    });
  }

  #next(): number {
    this.#number += 1;
    return this.#number;
  }

  #lineOver(wire: Wire): Line<Question, Answer> {
    return new Line(wire, (answer: Answer) => this.#take(answer));
  }

  #say(news: Call): void {
    if (!this.#isClosed) this.#news.postMessage(news);
  }

  #checkOpen(): void {
    if (this.#isClosed) throw new StoreError('CLOSED', 'this store is closed; open a new one');
    if (this.#problem) throw this.#problem;
  }

  /** A write of this tab has come to its end. */
  #over(sequence: number): void {
    this.#writes.delete(sequence);
    this.#tellPending();
  }

  #tellPending(): void {
    const { pending } = this;
    if (pending === this.#pendingTold) return;
    this.#pendingTold = pending;
    tellAll(this.#pendingListeners, pending);
  }

  /** The leader says how the connection is, each time that it says anything of its state. */
  #hearStatus(status: ClonedStatus): void {
    const words = JSON.stringify(status);
    if (words === this.#heardStatus) return;
    this.#heardStatus = words;
    this.#become(statusOfClone(status));
  }

  #become(status: Status): void {
    this.#status = status;
    tellAll(this.#statusListeners, status);
  }
}

/** Most writes of a tab that wait for the leader: as many as a leaf takes. */
const WRITES_MAX = 65_536;
/** A worker that ends before this, in milliseconds, is not followed by another. */
const WORKER_MS_MIN = 1_000;
/** How long `close()` waits for the leader, in milliseconds. */
const STORED_MS_MAX = 2_000;
