import type { ChunkStore } from './chunks.js';

/** Chunks in a database of the browser's. */
export async function indexedDbChunks(name: string): Promise<ChunkStore> {
  const database = new Database(`henge:${name}`);
  await database.open();
  return {
    kind: 'indexeddb',
    names: () => database.run('readonly', (chunks) => done(chunks.getAllKeys()) as Promise<string[]>),
    read: (names) =>
      database.run('readonly', (chunks) => Promise.all(names.map((it) => done<Uint8Array | undefined>(chunks.get(it))))),
    commit: (puts, removals) =>
      database.run('readwrite', async (chunks) => {
        for (const it of removals) chunks.delete(it);
        for (const [it, bytes] of puts) chunks.put(bytes, it);
      }),
    close: async () => database.close(),
  };
}

/** A connection to the database, made anew when the browser has dropped it. */
class Database {
  #name: string;
  #connection: IDBDatabase | undefined;
  #wasOpen = false;
  /** What was in it is gone: nothing that counts on that may be added. */
  #isCleared = false;

  constructor(name: string) {
    this.#name = name;
  }

  async open(): Promise<IDBDatabase> {
    const request = indexedDB.open(this.#name, VERSION);
    let isNew = false;
    request.onupgradeneeded = () => {
      isNew = true;
      request.result.createObjectStore(CHUNKS);
    };
    const connection = await done(request);
    this.#isCleared ||= isNew && this.#wasOpen;
    this.#wasOpen = true;
    // Whoever clears the storage must not wait for this page.
    connection.onversionchange = () => connection.close();
    connection.onclose = () => {
      if (this.#connection === connection) this.#connection = undefined;
    };
    this.#connection = connection;
    return connection;
  }

  close(): void {
    this.#connection?.close();
    this.#connection = undefined;
  }

  /** One transaction; durable when it resolves. */
  async run<T>(mode: IDBTransactionMode, work: (chunks: IDBObjectStore) => Promise<T>): Promise<T> {
    const transaction = await this.#begin(mode);
    const isOver = new Promise<void>((resolve, reject) => {
      transaction.oncomplete = () => resolve();
      transaction.onabort = () => reject(transaction.error ?? new Error('the transaction was given up'));
    });
    // Failed requests end the transaction, which says why.
    const [result] = await Promise.all([work(transaction.objectStore(CHUNKS)), isOver]);
    return result;
  }

  async #begin(mode: IDBTransactionMode): Promise<IDBTransaction> {
    const begin = (connection: IDBDatabase): IDBTransaction => {
      if (this.#isCleared) throw new Error('the storage of this site was cleared');
      return connection.transaction(CHUNKS, mode, { durability: 'strict' });
    };
    try {
      return begin(this.#connection ?? (await this.open()));
    } catch (error) {
      // The server of the databases was lost: it has another connection for those who ask.
      if ((error as Error).name !== 'InvalidStateError') throw error;
      return begin(await this.open());
    }
  }
}

function done<T>(request: IDBRequest<T>): Promise<T> {
  return new Promise((resolve, reject) => {
    request.onsuccess = () => resolve(request.result);
    request.onerror = () => reject(request.error ?? new Error('the database gives no reason'));
  });
}

const VERSION = 1;
const CHUNKS = 'chunks';
