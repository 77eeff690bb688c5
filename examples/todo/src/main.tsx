import { open } from 'henge';
import { HengeProvider } from 'henge/react';
import { StrictMode } from 'react';
import { createRoot } from 'react-dom/client';
import { App } from './App.tsx';
import { keepPage } from './keep-page.ts';
import './style.css';

const urls = import.meta.env.VITE_HENGE_URLS ?? 'http://127.0.0.1:7301 http://127.0.0.1:7302 http://127.0.0.1:7303';
const root = createRoot(document.getElementById('root') as HTMLElement);

try {
  // It is open as soon as the storage of this device is, with or without a server.
  const store = await open({ name: 'todo', urls: urls.split(' ') });
  root.render(
    <StrictMode>
      <HengeProvider store={store}>
        <App />
      </HengeProvider>
    </StrictMode>,
  );
} catch (error) {
  root.render(<p className="card failure">{`The list cannot be opened: ${(error as Error).message}`}</p>);
}

if (import.meta.env.PROD) await keepPage();
