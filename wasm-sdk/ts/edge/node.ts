import { describe } from '../codec.js';
import { durableObjectChunks } from '../media/durable-object.js';
import { StoreError } from '../errors.js';
import { ChunkedMedium } from '../media/chunks.js';
import { checkOptions } from '../options.js';
import { socketUrls, type Urls } from '../urls.js';
import { discard, EdgeEngine, initSync, start, type EdgeListener } from './henge_edge.js';
import module from './henge_edge_bg.wasm';
import { MediumServer } from './medium.js';
import { DialledRing, DiallingRing, PROTOCOL, trySend } from './ring.js';
import { answerPings, socketPair, type DurableObjectStateLike, type ObjectSocket } from './runtime.js';

/** Options of {@link EdgeNode}. */
export interface EdgeNodeOptions {
  /** What clients are told that they are connected with; `edge` if not given. */
  name?: string | undefined;
  /** The bucket of all keys; `default` if not given. */
  bucket?: string | undefined;
  /** What a stone that dials this object must know: `henge serve --edge 'wss://host/v1/edge?secret=...'`. */
  secret?: string | undefined;
  /** Servers that the object dials instead. It stays in memory then. */
  urls?: Urls | undefined;
  /** Memory for the storage, in bytes; 32 MiB if not given. */
  memoryBytes?: number | undefined;
  /** How many keys are kept besides those that clients subscribe to; 10,000 if not given. */
  copies?: number | undefined;
}

/** What is kept beside the socket of a client, and beside that of a stone. */
type Attachment = { readonly id: number; readonly state: Uint8Array } | { readonly id: 0 };

/**
 * An edge node in a Durable Object, whose class must be one with SQLite. Clients dial it as they dial a server. It keeps
 * what they subscribe to and what they write, and needs no memory while nobody says anything.
 *
 * @example
 * export class Edge extends DurableObject {
 *   #node = new EdgeNode(this.ctx, { secret: this.env.HENGE_SECRET });
 *   fetch(request) { return this.#node.fetch(request); }
 *   webSocketMessage(socket, message) { this.#node.webSocketMessage(socket, message); }
 *   webSocketClose(socket) { this.#node.webSocketClose(socket); }
 *   webSocketError(socket) { this.#node.webSocketClose(socket); }
 *   alarm() { this.#node.alarm(); }
 * }
 */
export class EdgeNode implements EdgeListener {
  #ctx: DurableObjectStateLike;
  #secret: string | undefined;
  #engine: EdgeEngine;
  #medium: ChunkedMedium;
  #files: MediumServer;
  #ring: DialledRing | DiallingRing;
  #sockets = new Map<number, ObjectSocket>();
  #ids = new Map<ObjectSocket, number>();
  #last = 0;
  #timer: ReturnType<typeof setTimeout> | undefined;
  #timerAt = Infinity;
  #alarmAt = Infinity;
  #opening: { resolve: () => void; reject: (error: StoreError) => void } | undefined;

  constructor(ctx: DurableObjectStateLike, options: EdgeNodeOptions = {}) {
    checkOptions('EdgeNode', OPTIONS, options);
    const { name = 'edge', bucket = 'default', secret, urls, memoryBytes = MEMORY_DEFAULT, copies = COPIES_DEFAULT } = options;
    if (secret !== undefined && (typeof secret !== 'string' || secret.length < SECRET_LENGTH_MIN)) {
      throw new TypeError(`secret must be a text of at least ${SECRET_LENGTH_MIN} characters, not ${describe(secret)}`);
    }
    const use = (work: (engine: EdgeEngine) => void): void => this.#use(work);
    this.#ctx = ctx;
    this.#secret = secret;
    this.#medium = new ChunkedMedium(durableObjectChunks(ctx.storage));
    this.#files = new MediumServer(this.#medium, use);
    this.#ring = urls === undefined ? new DialledRing(use) : new DiallingRing(socketUrls('EdgeNode', urls), use);
    initSync({ module });
    if (isInstanceLost) start();
    isInstanceLost = false;
    const session = crypto.getRandomValues(new BigUint64Array(1))[0] || 1n;
    this.#engine = new EdgeEngine(session, name, bucket, memoryBytes, copies, urls === undefined, this);
    answerPings(ctx, 'ping', 'pong');
    void ctx.blockConcurrencyWhile(() => this.#open());
  }

  /** Writes that the ring has not taken. */
  get pending(): number {
    return this.#engine.pending();
  }

  /** Clients that are connected. */
  get clients(): number {
    return this.#engine.clients();
  }

  /** Whether the ring can be asked now. */
  get isOnline(): boolean {
    return this.#engine.isOnline();
  }

  /** Takes a client, or a stone that has dialled. Who may dial is for the application to say, before it calls this. */
  fetch(request: Request): Response {
    const { pathname, searchParams } = new URL(request.url);
    const isStone = pathname.endsWith(STONE_PATH);
    if (request.headers.get('upgrade')?.toLowerCase() !== 'websocket') {
      return refuse(426, 'this is an edge node of Henge; open a WebSocket, as open() and connect() do');
    }
    const protocols = request.headers.get('sec-websocket-protocol')?.split(',') ?? [];
    if (!protocols.some((it) => it.trim() === PROTOCOL)) return refuse(400, `the subprotocol must be ${PROTOCOL}`);
    if (isStone && !(this.#ring instanceof DialledRing)) return refuse(409, 'this edge node dials its ring itself; leave out "urls"');
    if (isStone && (this.#secret === undefined || searchParams.get('secret') !== this.#secret)) {
      return refuse(403, 'a stone must know the secret of this edge node: ?secret=... in --edge, and the option "secret" here');
    }
    const [theirs, socket] = socketPair();
    this.#ctx.acceptWebSocket(socket);
    if (isStone) {
      socket.serializeAttachment({ id: 0 } satisfies Attachment);
      (this.#ring as DialledRing).add(socket);
    } else {
      const id = (this.#last += 1);
      this.#know(id, socket);
      this.remember(id, new Uint8Array(0));
      this.#use((engine) => engine.client(id));
    }
    const init = { status: 101, webSocket: theirs, headers: { 'sec-websocket-protocol': PROTOCOL } };
    return new Response(null, init as ResponseInit);
  }

  /** A socket of the object has brought a message. */
  webSocketMessage(socket: ObjectSocket, message: ArrayBuffer | string): void {
    const id = this.#ids.get(socket);
    if (id === undefined) {
      if (this.#ring instanceof DialledRing) this.#ring.hear(socket, message);
    } else if (typeof message === 'string') {
      socket.close(1003, 'text says nothing here');
      this.webSocketClose(socket);
    } else {
      this.#use((engine) => engine.clientMessage(id, new Uint8Array(message)));
    }
  }

  /** A socket of the object is closed, or broken. */
  webSocketClose(socket: ObjectSocket): void {
    const id = this.#ids.get(socket);
    answerClose(socket);
    if (id === undefined) {
      if (this.#ring instanceof DialledRing) this.#ring.remove(socket);
      return;
    }
    this.#forget(id);
    this.#use((engine) => engine.clientGone(id));
  }

  /** The object's alarm has gone off. */
  alarm(): void {
    this.#alarmAt = Infinity;
    this.#use((engine) => engine.tick());
  }

  // What the engine calls.

  /** @internal */
  append(operation: number, file: string, offset: number, bytes: Uint8Array): void {
    this.#files.append(operation, file, offset, bytes);
  }

  /** @internal */
  sync(operation: number, file: string): void {
    this.#files.sync(operation, file);
  }

  /** @internal */
  load(operation: number, file: string, offset: number, length: number): void {
    this.#files.load(operation, file, offset, length);
  }

  /** @internal */
  replace(operation: number, file: string, bytes: Uint8Array): void {
    this.#files.replace(operation, file, bytes);
  }

  /** @internal */
  truncate(operation: number, file: string, length: number): void {
    this.#files.truncate(operation, file, length);
  }

  /** @internal */
  remove(operation: number, file: string): void {
    this.#files.remove(operation, file);
  }

  /** @internal */
  opened(): void {
    this.#opening?.resolve();
  }

  /** @internal */
  broken(why: string): void {
    const error = new StoreError('CORRUPT', `the storage of this edge node has failed (${why})`);
    if (this.#opening) this.#opening.reject(error);
    else this.#ctx.abort(error.message);
  }

  /** @internal */
  full(): void {}

  /** @internal */
  status(): void {}

  /** @internal */
  toRing(bytes: Uint8Array): void {
    this.#ring.send(bytes.slice().buffer);
  }

  /** @internal */
  pingRing(text: string): void {
    this.#ring.send(text);
  }

  /** @internal */
  redial(atMs: number): void {
    this.#ring.redial(atMs);
  }

  /** @internal */
  toClient(id: number, bytes: Uint8Array): void {
    trySend(this.#sockets.get(id), bytes.slice().buffer);
  }

  /** @internal */
  closeClient(id: number): void {
    this.#forget(id)?.close(1008, 'see the last message');
  }

  /** @internal */
  remember(id: number, bytes: Uint8Array): void {
    this.#sockets.get(id)?.serializeAttachment({ id, state: bytes.slice() } satisfies Attachment);
  }

  async #open(): Promise<void> {
    const files = await this.#medium.open();
    await new Promise<void>((resolve, reject) => {
      this.#opening = { resolve, reject };
      const lengths = Float64Array.from(files, ({ length }) => length);
      this.#use((engine) => engine.open(files.map(({ name }) => name), lengths));
    });
    this.#opening = undefined;
    for (const socket of this.#ctx.getWebSockets()) {
      const attachment = socket.deserializeAttachment() as Attachment;
      // The stone has forgotten nothing, but this object has: it dials again.
      if (!('state' in attachment)) {
        socket.close(1012, 'the edge node has begun anew');
        continue;
      }
      const { id, state } = attachment;
      this.#last = Math.max(this.#last, id);
      this.#know(id, socket);
      this.#use((engine) => engine.restore(id, state));
    }
    if (this.#ring instanceof DiallingRing) this.#ring.dial();
  }

  #know(id: number, socket: ObjectSocket): void {
    this.#sockets.set(id, socket);
    this.#ids.set(socket, id);
  }

  #forget(id: number): ObjectSocket | undefined {
    const socket = this.#sockets.get(id);
    this.#sockets.delete(id);
    if (socket) this.#ids.delete(socket);
    return socket;
  }

  /** Does something with the engine, and sees to it that it is called when it wants to be. */
  #use(work: (engine: EdgeEngine) => void): void {
    try {
      work(this.#engine);
      this.#arm();
    } catch (error) {
      // The next life begins from what is stored, and clients dial again.
      discard();
      isInstanceLost = true;
      this.#ctx.abort(`henge's engine has failed (${(error as Error)?.message}); please report this`);
      throw error;
    }
  }

  /** An object with a timer stays in memory: for what is due later and can wait without it there is the alarm. */
  #arm(): void {
    const at = this.#engine.timeout() ?? Infinity;
    if (at > Date.now() + TIMER_MS_MAX && this.#engine.isQuiet()) {
      this.#setTimer(Infinity);
      if (at < this.#alarmAt) {
        this.#alarmAt = at;
        void this.#ctx.storage.setAlarm(Math.ceil(at));
      }
    } else {
      this.#setTimer(at);
    }
  }

  #setTimer(at: number): void {
    if (at === this.#timerAt) return;
    clearTimeout(this.#timer);
    this.#timerAt = at;
    if (at === Infinity) return;
    this.#timer = setTimeout(() => {
      this.#timerAt = Infinity;
      this.#use((engine) => engine.tick());
    }, Math.max(1, at - Date.now() + 1));
  }
}

/** Who has closed a socket waits for the other end to do so. */
function answerClose(socket: ObjectSocket): void {
  try {
    socket.close(1000);
  } catch {
    // It is closed at both ends.
  }
}

function refuse(status: number, message: string): Response {
  return new Response(`${message}\n`, { status });
}

/** The engine has trapped: the next object makes a new instance of it. */
let isInstanceLost = false;
/** Where stones dial. */
const STONE_PATH = '/v1/edge';
const SECRET_LENGTH_MIN = 8;
const MEMORY_DEFAULT = 32 * 2 ** 20;
const COPIES_DEFAULT = 10_000;
/** What is due within this, in milliseconds, keeps the object in memory. */
const TIMER_MS_MAX = 5_000;
const OPTIONS: readonly string[] = ['name', 'bucket', 'secret', 'urls', 'memoryBytes', 'copies'];
