// Runs the passkey ceremony of each such button of the page: asks for options, lets the device answer, sends the answer.
(() => {
  const message = document.getElementById("passkey-message");

  const bytes = (text) =>
    Uint8Array.from(atob(text.replace(/-/g, "+").replace(/_/g, "/")), (sign) => sign.charCodeAt(0));
  const text = (buffer) =>
    btoa(String.fromCharCode(...new Uint8Array(buffer))).replace(/\+/g, "-").replace(/\//g, "_").replace(/=+$/, "");

  const ask = async (button, address, body) => {
    const headers = { "Content-Type": "application/json" };
    if (button.dataset.csrf) headers["X-CSRF-Token"] = button.dataset.csrf;
    const response = await fetch(address, { method: "POST", headers, body, credentials: "same-origin" });
    const answer = await response.json();
    if (!response.ok) throw new Refused(answer.message);
    return answer;
  };

  class Refused extends Error {}

  const described = (list) => (list || []).map((item) => ({ ...item, id: bytes(item.id) }));

  const credential = async (button, options) => {
    if (button.dataset.passkey === "create") {
      const publicKey = {
        ...options,
        challenge: bytes(options.challenge),
        user: { ...options.user, id: bytes(options.user.id) },
        excludeCredentials: described(options.excludeCredentials),
      };
      return navigator.credentials.create({ publicKey });
    }
    const publicKey = {
      ...options,
      challenge: bytes(options.challenge),
      allowCredentials: described(options.allowCredentials),
    };
    return navigator.credentials.get({ publicKey });
  };

  const written = (made) => {
    const response = {};
    for (const name of ["clientDataJSON", "attestationObject", "authenticatorData", "signature", "userHandle"]) {
      if (made.response[name]) response[name] = text(made.response[name]);
    }
    if (made.response.getTransports) response.transports = made.response.getTransports();
    return JSON.stringify({
      id: made.id,
      rawId: text(made.rawId),
      type: made.type,
      response,
      clientExtensionResults: made.getClientExtensionResults(),
      authenticatorAttachment: made.authenticatorAttachment || undefined,
    });
  };

  const go = (next) => {
    const target = new URL(next, location.href);
    const page = target.href.split("#")[0];
    // To a place on this very page a browser only moves, and after reload() it may show the top: "?" is another address.
    const here = target.hash && page === location.href.split("#")[0];
    location.assign(here ? `${page}?${target.hash}` : target.href);
  };

  const run = async (button) => {
    message.textContent = "";
    if (!window.PublicKeyCredential) {
      message.textContent = button.dataset.missing;
      return;
    }
    button.disabled = true;
    try {
      const options = await ask(button, button.dataset.options, "{}");
      const made = await credential(button, options);
      const answer = await ask(button, button.dataset.result, written(made));
      go(answer.next);
    } catch (error) {
      const known = error.name === "InvalidStateError" && button.dataset.known;
      const missing = error.name === "NotSupportedError" || error.name === "SecurityError" ? button.dataset.missing : "";
      message.textContent = error instanceof Refused ? error.message : known || missing || button.dataset.failed;
      button.disabled = false;
    }
  };

  for (const button of document.querySelectorAll("[data-passkey]")) button.addEventListener("click", () => run(button));
})();
