import { input, outputs, type Output, type StorageRequest } from './abi.js';
import { Alarm, now, soon } from './clock.js';
import { Files } from './files.js';
import { Guest } from './guest.js';
import { bucketsNotice, FrameKind, frames, welcome } from './wire.js';
import { type BucketSettings, type ClusterSettings, encodeConfig, type Member } from './settings.js';

/** The other end of a client's connection. */
export interface Client {
  /** A message for it. */
  deliver(message: Uint8Array): void;
  /** The connection breaks. */
  lose(why: string): void;
}

/** What is around a node. */
export interface Surroundings {
  /** Takes a frame to another member, if there is a way. */
  send(from: bigint, to: bigint, frame: Uint8Array): void;
  /** A node has begun to serve, or does so no more. */
  refresh(): void;
}

/**
 * One server: the guest, its files, and the host's part between them and everybody else. It does one step in a turn of
 * the event loop, so that those of several nodes and the application alternate.
 */
export class MemoryNode {
  readonly member: Member;
  #settings: ClusterSettings;
  #surroundings: Surroundings;
  #files = new Files();
  #guest: Guest | undefined;
  /** Counts starts and stops: what began in an earlier life means nothing to this. */
  #life = 0;
  #started: Promise<void> | undefined;
  #starting: { resolve: () => void; reject: (error: Error) => void } | undefined;
  #isReady = false;
  #buckets: readonly string[] = [];
  #inbox: Uint8Array[] = [];
  #inboxBytes = 0;
  /** Asked of the files and not done: that takes until the next turn. */
  #disk: { operation: bigint; request: StorageRequest }[] = [];
  #clients = new Map<number, Connected>();
  #connections = 0;
  #hasTurn = false;
  #alarm = new Alarm();
  #timeout: bigint | undefined;

  constructor(member: Member, settings: ClusterSettings, surroundings: Surroundings) {
    this.member = member;
    this.#settings = settings;
    this.#surroundings = surroundings;
  }

  /** Whether it serves. */
  get isReady(): boolean {
    return this.#isReady;
  }

  /** The buckets that it knows, besides `default`, by their ids from 1 on. */
  get buckets(): readonly string[] {
    return this.#buckets;
  }

  /** Starts it with the files that there are, unless it runs; resolves when it serves. */
  start(module: WebAssembly.Module): Promise<void> {
    this.#started ??= this.#start(module);
    return this.#started;
  }

  /** Ends it as a power cut would: what was not synced is gone, and connections break. */
  stop(why = `${this.member.name} was stopped`): void {
    this.#life += 1;
    this.#started = undefined;
    this.#guest = undefined;
    this.#isReady = false;
    this.#alarm.clear();
    this.#timeout = undefined;
    this.#inbox = [];
    this.#inboxBytes = 0;
    this.#disk = [];
    this.#files.crash();
    this.loseClients(why);
    this.#surroundings.refresh();
    this.#starting?.reject(stopped(this.member));
    this.#starting = undefined;
  }

  /** Whether frames can be sent to `member` from now on. */
  peerIs(member: bigint, isUp: boolean): void {
    this.#put(isUp ? input.peerUp(member) : input.peerDown(member));
  }

  /** Takes a frame of another member; without room it is dropped, as a network would. */
  takePeerFrame(from: bigint, frame: Uint8Array): void {
    if (this.#inboxBytes + frame.length <= INBOX_BYTES_MAX) this.#put(input.peer(from, frame));
  }

  /** A client has connected; returns its number. */
  connect(client: Client): number {
    this.#connections += 1;
    this.#clients.set(this.#connections, { client, isGreeted: false });
    return this.#connections;
  }

  /** Takes a message of a client. */
  takeMessage(number: number, message: Uint8Array): void {
    const connected = this.#clients.get(number);
    if (!connected) return;
    try {
      if (this.#inboxBytes + message.length > INBOX_BYTES_MAX) throw new Error(`it has left more than ${INBOX_BYTES_MAX} bytes to be done`);
      for (const { kind, frame } of frames(message)) this.#takeFrame(number, connected, kind, frame);
    } catch (error) {
      this.disconnect(number);
      connected.client.lose((error as Error).message);
    }
  }

  /** A client's connection is gone. */
  disconnect(number: number): void {
    if (this.#clients.get(number)?.isGreeted) this.#put(input.clientGone(number));
    this.#clients.delete(number);
  }

  /** Breaks the connections of all clients. */
  loseClients(why: string): void {
    for (const [number, { client }] of this.#clients) {
      this.disconnect(number);
      client.lose(why);
    }
  }

  /** Asks for a bucket, which the members have to agree on. */
  wish(bucket: string, settings: BucketSettings): void {
    this.#put(input.bucket(bucket, settings));
  }

  async #start(module: WebAssembly.Module): Promise<void> {
    const life = ++this.#life;
    const seed = crypto.getRandomValues(new BigInt64Array(1))[0] as bigint;
    const guest = await Guest.make(module, encodeConfig(this.#settings, this.member.id), seed, now());
    if (life !== this.#life) throw stopped(this.member);
    const ready = new Promise<void>((resolve, reject) => (this.#starting = { resolve, reject }));
    this.#guest = guest;
    this.#put(input.opened(this.#files.list()));
    return ready;
  }

  #takeFrame(number: number, connected: Connected, kind: number, frame: Uint8Array): void {
    if (connected.isGreeted && (kind === FrameKind.request || kind === FrameKind.watch)) {
      this.#put(input.client(number, frame));
    } else if (!connected.isGreeted && kind === FrameKind.hello) {
      connected.isGreeted = true;
      connected.client.deliver(welcome(this.member, this.#settings.replicas));
      connected.client.deliver(bucketsNotice(this.#buckets));
    } else {
      throw new Error(`a client must say hello once, and then only ask; it has sent a frame of kind ${kind}`);
    }
  }

  #put(entry: Uint8Array): void {
    if (!this.#guest) return;
    this.#inbox.push(entry);
    this.#inboxBytes += entry.length;
    this.#wantTurn();
  }

  #wantTurn(): void {
    if (this.#hasTurn) return;
    this.#hasTurn = true;
    soon(() => {
      this.#hasTurn = false;
      if (this.#guest) this.#step(this.#guest);
    });
  }

  #step(guest: Guest): void {
    try {
      this.#doDisk();
      const batch = this.#takeBatch();
      if (batch.length > 0) this.#obey(guest.step(batch, now()));
    } catch (error) {
      return this.#fail(error as Error);
    }
    if (this.#inbox.length > 0 || this.#disk.length > 0 || this.#isTimeUp()) this.#wantTurn();
    else if (this.#timeout !== undefined) this.#alarm.set(this.#timeout, () => this.#wantTurn());
  }

  #doDisk(): void {
    const ended = this.#disk.map(({ operation, request }) => input.storageDone(operation, this.#files.execute(request)));
    this.#disk = [];
    this.#inbox.unshift(...ended);
    this.#inboxBytes += bytesOf(ended);
  }

  #takeBatch(): Uint8Array {
    let [count, bytes] = [0, 0];
    while (count < Math.min(this.#inbox.length, BATCH_INPUTS_MAX) && bytes < BATCH_BYTES_MAX) {
      bytes += (this.#inbox[count] as Uint8Array).length;
      count += 1;
    }
    const taken = this.#inbox.splice(0, count);
    this.#inboxBytes -= bytes;
    if (this.#isTimeUp()) taken.push(input.timeout());
    return joined(taken);
  }

  #isTimeUp(): boolean {
    return this.#timeout !== undefined && this.#timeout <= now();
  }

  #obey(answer: Uint8Array): void {
    const timeout = new DataView(answer.buffer, answer.byteOffset).getBigUint64(0, true);
    this.#timeout = timeout === NO_TIMEOUT ? undefined : timeout;
    const messages = new Map<number, Uint8Array[]>();
    for (const output of outputs(answer.subarray(OUTPUT_HEADER_BYTES))) this.#carryOut(output, messages);
    for (const [number, frames] of messages) this.#clients.get(number)?.client.deliver(joined(frames));
  }

  #carryOut(output: Output, messages: Map<number, Uint8Array[]>): void {
    switch (output.kind) {
      case 'peer':
        return this.#surroundings.send(this.member.id, output.to, output.frame);
      case 'client': {
        const frames = messages.get(output.client) ?? [];
        messages.set(output.client, frames);
        frames.push(output.frame);
        return;
      }
      case 'storage':
        this.#disk.push({ operation: output.operation, request: output.request });
        return;
      case 'ready':
        this.#isReady = true;
        this.#surroundings.refresh();
        this.#starting?.resolve();
        this.#starting = undefined;
        return;
      case 'cluster':
        this.#buckets = output.buckets;
        for (const { client, isGreeted } of this.#clients.values()) {
          if (isGreeted) client.deliver(bucketsNotice(this.#buckets));
        }
        return;
      case 'failed':
        throw new Error(`the node's storage has failed: ${output.why}`);
      case 'said':
    }
  }

  /** If no call waits for this, it is thrown where test runners see it. */
  #fail(cause: Error): void {
    const error = new Error(`${this.member.name}: ${cause.message}; please report this`, { cause });
    const starting = this.#starting;
    this.#starting = undefined;
    this.stop(`${this.member.name} has failed`);
    if (!starting) throw error;
    starting.reject(error);
  }
}

interface Connected {
  readonly client: Client;
  isGreeted: boolean;
}

function joined(parts: readonly Uint8Array[]): Uint8Array {
  const whole = new Uint8Array(bytesOf(parts));
  let at = 0;
  for (const part of parts) {
    whole.set(part, at);
    at += part.length;
  }
  return whole;
}

const bytesOf = (parts: readonly Uint8Array[]): number => parts.reduce((sum, part) => sum + part.length, 0);
const stopped = ({ name }: Member): Error => new Error(`${name} was stopped before it served`);

/** Before the outputs stands the next timeout, all ones for none. */
const OUTPUT_HEADER_BYTES = 8;
const NO_TIMEOUT = 2n ** 64n - 1n;
/** What may wait for a node, and what it is given in one step. */
const INBOX_BYTES_MAX = 64 * 1_024 * 1_024;
const BATCH_BYTES_MAX = 4 * 1_024 * 1_024;
const BATCH_INPUTS_MAX = 1_024;
