// The reference of this installation from its own files: no fonts, proxy, telemetry or service of anyone else's.

// Scalar and the editor in it write style sheets into the page; the content policy lets in those with our nonce.
const nonce = document.querySelector('meta[property="csp-nonce"]').content;
const createElement = document.createElement;
document.createElement = function (name, ...more) {
  const element = createElement.call(this, name, ...more);
  if (name === "style") element.nonce = nonce;
  return element;
};

document.addEventListener("DOMContentLoaded", () =>
  Scalar.createApiReference("#reference", {
    url: "/v1/openapi.json",
    theme: "none",
    withDefaultFonts: false,
    telemetry: false,
    showDeveloperTools: "never",
    hideClientButton: true,
    agent: { disabled: true },
    mcp: { disabled: true },
    persistAuth: false,
    defaultHttpClient: { targetKey: "shell", clientKey: "curl" },
  }),
);
