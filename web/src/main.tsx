import "@cloudscape-design/global-styles/index.css";
import "./app/app.css";

import { QueryClient, QueryClientProvider } from "@tanstack/react-query";
import { startTransition, StrictMode } from "react";
import { createRoot } from "react-dom/client";
import { BrowserRouter } from "react-router";

import { passing } from "./api/client";
import { App } from "./app/App";
import { ErrorBoundary } from "./app/ErrorBoundary";
import { idle } from "./app/idle";
import { Noticing } from "./app/notices";
import { applyTheme, Theming } from "./app/theme";
import { askAhead } from "./gallery/queries";
import { Speaking } from "./i18n";
import { load, preferredLanguage } from "./i18n/catalogue";
import { selectionOf } from "./labels/selection";
import { session } from "./session/session";
import { Uploading } from "./uploads/uploading";

const queries = new QueryClient({
  defaultOptions: {
    queries: {
      staleTime: 10_000,
      retry: (failures, error) => failures < 5 && passing(error),
      retryDelay: (failures, error) =>
        passing(error) && error.retryAfter ? error.retryAfter * 1000 : Math.min(1000 * 2 ** failures, 30_000),
      networkMode: "always",
    },
    mutations: { networkMode: "always" },
  },
});

async function start(element: HTMLElement) {
  applyTheme();
  const language = preferredLanguage();
  const speaking = load(language);
  await queries.prefetchQuery({ ...session, retry: false });
  const { pathname, search } = location;
  if (pathname === "/" && queries.getQueryData(session.queryKey)) {
    askAhead(queries, selectionOf(new URLSearchParams(search)));
  }
  const begun = { language, messages: await speaking };
  // In slices, between which the browser answers and paints.
  startTransition(() =>
    createRoot(element).render(
      <StrictMode>
        <Speaking begun={begun}>
          <ErrorBoundary>
            <QueryClientProvider client={queries}>
              <Theming>
                {/* In a transition a page lags behind its address, and the next choice builds on the last but one. */}
                <BrowserRouter useTransitions={false}>
                  <Noticing>
                    <Uploading>
                      <App />
                    </Uploading>
                  </Noticing>
                </BrowserRouter>
              </Theming>
            </QueryClientProvider>
          </ErrorBoundary>
        </Speaking>
      </StrictMode>,
    ),
  );
}

const root = document.getElementById("app");
if (root) void start(root);
if (import.meta.env.PROD && "serviceWorker" in navigator) {
  // It has its own work to begin with: after the first paint, which it does not speed up.
  window.addEventListener("load", () => void idle().then(() => navigator.serviceWorker.register("/sw.js")).catch(() => undefined));
}
