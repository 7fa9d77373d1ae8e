// Copies the code of a link or QR (the part after #) into the field, and keeps it there when the language changes.
// It sends nothing and presses nothing: what comes after # stays in the browser, and leaves its address bar at once.
(() => {
  const copy = () => {
    const field = document.getElementById("code");
    const languages = document.getElementById("language");
    const code = /^#([A-Za-z0-9-]{6,64})$/.exec(location.hash);
    if (!field || !code) return;
    field.value = code[1];
    languages.action = `${languages.getAttribute("action").split("#")[0]}#${code[1]}`;
    history.replaceState(null, "", location.pathname);
  };
  copy();
  addEventListener("hashchange", copy);
})();
