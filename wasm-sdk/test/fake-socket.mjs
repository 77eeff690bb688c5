/** WebSocket classes that do what a test says, and remember what was done to them. */

/** A class whose sockets call `react(socket)` soon after they are made. */
export function socketClass(react = () => {}) {
  return class FakeSocket {
    static made = [];
    readyState = 0;
    sent = [];
    onopen = null;
    onmessage = null;
    onclose = null;
    onerror = null;

    constructor(url, protocols) {
      this.url = url;
      this.protocols = protocols;
      FakeSocket.made.push(this);
      queueMicrotask(() => react(this));
    }

    send(data) {
      this.sent.push(new Uint8Array(data));
    }

    close() {
      this.readyState = 3;
    }
  };
}

/** A server that cannot be reached. */
export const refuse = (socket) => {
  socket.onerror?.({ type: 'error', message: 'connect ECONNREFUSED' });
  socket.onclose?.({ code: 1006, reason: '' });
};
