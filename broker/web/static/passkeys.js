// Runs the passkey ceremony of the page's button: asks for options, lets the device answer, sends the answer.
(() => {
  const button = document.querySelector("[data-passkey]");
  const message = document.getElementById("passkey-message");
  if (!button) return;

  const bytes = (text) =>
    Uint8Array.from(atob(text.replace(/-/g, "+").replace(/_/g, "/")), (sign) => sign.charCodeAt(0));
  const text = (buffer) =>
    btoa(String.fromCharCode(...new Uint8Array(buffer))).replace(/\+/g, "-").replace(/\//g, "_").replace(/=+$/, "");

  const ask = async (address, body) => {
    const headers = { "Content-Type": "application/json" };
    if (button.dataset.csrf) headers["X-CSRF-Token"] = button.dataset.csrf;
    const response = await fetch(address, { method: "POST", headers, body, credentials: "same-origin" });
    const answer = await response.json();
    if (!response.ok) throw new Refused(answer.message);
    return answer;
  };

  class Refused extends Error {}

  const described = (list) => (list || []).map((item) => ({ ...item, id: bytes(item.id) }));

  const credential = async (options) => {
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

  button.addEventListener("click", async () => {
    message.textContent = "";
    if (!window.PublicKeyCredential) {
      message.textContent = button.dataset.missing;
      return;
    }
    button.disabled = true;
    try {
      const options = await ask(button.dataset.options, "{}");
      const made = await credential(options);
      const answer = await ask(button.dataset.result, written(made));
      location.assign(answer.next);
    } catch (error) {
      message.textContent = error instanceof Refused ? error.message : button.dataset.failed;
      button.disabled = false;
    }
  });
})();
