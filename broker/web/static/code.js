// Copies the code of a link or QR (the part after #) into the field. It sends nothing and presses nothing.
(() => {
  const copy = () => {
    const field = document.getElementById("code");
    const code = /^#([A-Za-z0-9-]{4,64})$/.exec(location.hash);
    if (field && code) field.value = code[1];
  };
  copy();
  addEventListener("hashchange", copy);
})();
