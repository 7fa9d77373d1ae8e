// Reads aloud what is marked with data-aloud, in order: the recording of a sentence where there is one, else a voice.
// Only voices that live on this device: a text never goes to anybody who makes voices. It stops when the page is left.
(() => {
  const box = document.getElementById("aloud");
  if (!box) return;
  const [button, stop] = box.querySelectorAll("button");
  const [told, partly] = box.querySelectorAll("p");
  const voices = "speechSynthesis" in window ? speechSynthesis : null;
  const language = document.documentElement.lang;
  const calm = matchMedia("(prefers-reduced-motion: reduce)");
  const player = new Audio();
  let voice = null;
  let found = [];
  let parts = [];
  let at = -1;
  let turn = 0;
  let paused = false;

  const seen = (part) => part.getClientRects().length > 0;
  const words = (part) => part.textContent.replace(/\s+/g, " ").trim();
  const short = (tag) => tag.toLowerCase().replace("_", "-").split("-")[0];
  const voiceOf = (part) => found.find((one) => short(one.lang) === short(part.closest("[lang]").lang));
  const readable = (part) => seen(part) && words(part) && (part.dataset.aloud || voiceOf(part));
  const label = (name) => {
    button.lastElementChild.textContent = box.dataset[name];
    button.dataset.state = name;
  };
  const say = (name) => (told.textContent = name ? box.dataset[name] : "");
  const unmark = () => document.querySelectorAll(".rd-said-now").forEach((part) => part.classList.remove("rd-said-now"));
  const silence = () => {
    turn += 1;
    player.pause();
    if (voices) voices.cancel();
    unmark();
  };

  const look = () => {
    found = voices ? voices.getVoices().filter((one) => one.localService) : [];
    voice = found.find((one) => short(one.lang) === short(language)) || null;
    const recorded = document.querySelector('[data-aloud^="/audio/"]');
    box.hidden = at < 0 && !voice && !recorded;
    partly.hidden = !!voice;
  };

  const end = (message) => {
    silence();
    at = -1;
    paused = false;
    stop.hidden = true;
    label("start");
    say(message);
    look();
  };

  const speak = (part, next) => {
    const spoken = new SpeechSynthesisUtterance(words(part));
    spoken.voice = voiceOf(part) || voice;
    if (!spoken.voice) return next();
    spoken.lang = spoken.voice.lang;
    spoken.rate = 0.9;
    spoken.onend = next;
    spoken.onerror = next;
    speak.now = spoken; // some browsers forget an utterance that nobody holds, and never say that it ended
    voices.speak(spoken);
  };

  const read = () => {
    silence();
    const part = parts[at];
    if (!part) return end("done");
    const mine = turn;
    const next = () => {
      if (mine !== turn) return;
      at += 1;
      read();
    };
    let failed = false; // a player tells twice that it cannot play
    const instead = () => {
      if (failed || mine !== turn) return;
      failed = true;
      if (voiceOf(part)) speak(part, next);
      else next();
    };
    part.classList.add("rd-said-now");
    part.scrollIntoView({ block: "nearest", behavior: calm.matches ? "auto" : "smooth" });
    if (!part.dataset.aloud) return speak(part, next);
    player.onended = next;
    player.onerror = instead;
    player.src = part.dataset.aloud;
    player.play().catch(instead);
  };

  button.addEventListener("click", () => {
    if (at < 0) {
      parts = [...document.querySelectorAll("[data-aloud]")].filter(readable);
      at = 0;
    } else if (!paused) {
      paused = true;
      silence();
      parts[at].classList.add("rd-said-now");
      label("resume");
      return say("paused");
    }
    paused = false;
    stop.hidden = false;
    label("pause");
    say("");
    read();
  });
  stop.addEventListener("click", () => {
    end("stopped");
    button.focus();
  });
  addEventListener("keydown", (event) => event.key === "Escape" && at >= 0 && end("stopped"));
  addEventListener("pagehide", () => end(""));
  document.addEventListener("visibilitychange", () => document.hidden && at >= 0 && end(""));
  if (voices && voices.addEventListener) voices.addEventListener("voiceschanged", look);
  look();
})();
