// Leaves at once: blanks the page, ends the visit in the background, and goes to a neutral page in the place of this one.
// Three times Shift does the same. Without this script the button is a form, and works as well.
(() => {
  const form = document.getElementById("exit");
  if (!form) return;
  const said = form.querySelector("[role=status]");
  let presses = 0;
  let mixed = false;
  let forget;

  const leave = () => {
    document.documentElement.hidden = true;
    document.title = "\u00a0";
    let sent = false;
    try {
      sent = navigator.sendBeacon(form.action, new URLSearchParams());
    } catch {}
    if (sent) location.replace(form.dataset.address);
    else form.submit(); // slower, but the visit ends
  };
  const count = (number) => {
    presses = number;
    said.textContent = ["", form.dataset.one, form.dataset.two][number] || "";
  };

  form.addEventListener("submit", (event) => {
    event.preventDefault();
    leave();
  });
  addEventListener("keyup", (event) => {
    const alone = event.key === "Shift" && !mixed; // a capital is Shift together with a letter
    mixed = event.shiftKey;
    clearTimeout(forget);
    if (!alone) return count(0);
    if (presses === 2) return leave();
    count(presses + 1);
    forget = setTimeout(() => count(0), 5000);
  });
  // A page that the browser kept in memory is asked for again: the visit may be over.
  addEventListener("pageshow", (event) => {
    if (event.persisted) location.reload();
  });
})();
