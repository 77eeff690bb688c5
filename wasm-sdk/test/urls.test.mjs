import assert from 'node:assert/strict';
import { test } from 'node:test';
import { socketUrls } from '../dist/urls.js';

test('http and ws addresses become the address of the socket', () => {
  const cases = {
    'http://127.0.0.1:7301': 'ws://127.0.0.1:7301/v1/ws',
    'https://kv.example/': 'wss://kv.example/v1/ws',
    'ws://host:1/v1/ws': 'ws://host:1/v1/ws',
    'wss://host/henge/?a=1#x': 'wss://host/henge/v1/ws?a=1',
    'http://[::1]:7301': 'ws://[::1]:7301/v1/ws',
  };
  for (const [address, expected] of Object.entries(cases)) {
    assert.deepEqual(socketUrls('connect()', address), [expected]);
    assert.deepEqual(socketUrls('connect()', new URL(address)), [expected]);
  }
  assert.deepEqual(socketUrls('connect()', Object.keys(cases)), Object.values(cases));
});

test('anything else is refused with an example', () => {
  for (const address of ['127.0.0.1:7301', 'localhost:7301', 'ftp://host', '', '/', [], undefined, null, 7, [7]]) {
    assert.throws(() => socketUrls('connect()', address), (error) => error instanceof TypeError && error.message.includes('http://127.0.0.1:7301'));
  }
});
