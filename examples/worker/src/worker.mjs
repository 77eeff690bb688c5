import { DurableObject } from 'cloudflare:workers';
import { EdgeNode } from 'henge/durable-object';

/** The edge node: browsers dial it as they would dial a stone, and stones dial it. */
export class Edge extends DurableObject {
  #node = new EdgeNode(this.ctx, { name: 'guest-book', secret: this.env.HENGE_SECRET });

  fetch(request) {
    return this.#node.fetch(request);
  }

  webSocketMessage(socket, message) {
    this.#node.webSocketMessage(socket, message);
  }

  webSocketClose(socket) {
    this.#node.webSocketClose(socket);
  }

  webSocketError(socket) {
    this.#node.webSocketClose(socket);
  }

  alarm() {
    this.#node.alarm();
  }
}

export default {
  fetch(request, env) {
    // Here an application says who may dial, and which object is theirs.
    if (new URL(request.url).pathname.startsWith('/v1/')) return env.EDGE.get(env.EDGE.idFromName('guests')).fetch(request);
    return new Response('There is nothing here.\n', { status: 404 });
  },
};
