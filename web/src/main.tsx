import "@cloudscape-design/global-styles/index.css";
import "./app/app.css";

import { QueryClient, QueryClientProvider } from "@tanstack/react-query";
import { StrictMode } from "react";
import { createRoot } from "react-dom/client";
import { BrowserRouter } from "react-router";

import { passing } from "./api/client";
import { App } from "./app/App";
import { ErrorBoundary } from "./app/ErrorBoundary";
import { Noticing } from "./app/notices";
import { Theming } from "./app/theme";
import { Speaking } from "./i18n";
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

const root = document.getElementById("app");
if (root) {
  createRoot(root).render(
    <StrictMode>
      <Speaking>
        <ErrorBoundary>
          <QueryClientProvider client={queries}>
            <Theming>
              <BrowserRouter>
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
  );
}
if (import.meta.env.PROD && "serviceWorker" in navigator) {
  window.addEventListener("load", () => void navigator.serviceWorker.register("/sw.js"));
}
