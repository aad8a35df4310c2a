// Keeps a page as it is now: asks every other second whether anything is new, and replaces only the parts that changed.
// All that is shown is made by the server; without this script the page stands still, and works.
"use strict";
(() => {
  const EVERY = 2000;
  const live = document.getElementById("live");
  const tip = document.getElementById("tip");
  let revision = null;

  const say = (text, state) => {
    if (live.textContent !== text) live.textContent = text;
    live.dataset.state = state;
  };

  const ago = (ms) => {
    const seconds = Math.max(0, Math.round((Date.now() - ms) / 1000));
    return seconds < 120 ? seconds + " s" : seconds < 7200 ? Math.round(seconds / 60) + " min" : Math.round(seconds / 3600) + " h";
  };

  const focusOf = (part) => {
    const one = document.activeElement;
    return one && part.contains(one) && one.getAttribute("href") ? one.getAttribute("href") : null;
  };

  const replace = (html) => {
    const fresh = new DOMParser().parseFromString(html, "text/html");
    const main = document.getElementById("main");
    const known = [...main.querySelectorAll("[data-part]")];
    const news = [...fresh.querySelectorAll("[data-part]")];
    if (known.map((one) => one.id).join() !== news.map((one) => one.id).join()) {
      main.replaceChildren(...fresh.body.childNodes);
      filter();
      return;
    }
    news.forEach((part, at) => {
      if (known[at].innerHTML === part.innerHTML) return;
      const box = known[at].querySelector("#filter");
      const typed = box && document.activeElement === box ? [box.value, box.selectionStart] : null;
      const kept = box ? box.value : "";
      const focused = focusOf(known[at]);
      known[at].innerHTML = part.innerHTML;
      const again = known[at].querySelector("#filter");
      if (again) again.value = kept;
      if (typed && again) { again.focus(); again.setSelectionRange(typed[1], typed[1]); }
      if (focused) {
        const link = [...known[at].querySelectorAll("a")].find((one) => one.getAttribute("href") === focused);
        if (link) link.focus({ preventScroll: true });
      }
    });
    filter();
  };

  const look = async () => {
    if (document.hidden) return;
    try {
      const answer = await fetch("/api/v1/state", { cache: "no-store" });
      if (!answer.ok) throw new Error(answer.status);
      const state = await answer.json();
      if (revision !== state.revision) {
        const join = location.search ? "&" : "?";
        const page = await fetch(location.pathname + location.search + join + "fragment", { cache: "no-store" });
        if (page.ok) {
          replace(await page.text());
          revision = state.revision;
        }
      }
      const problem = state.problems.length ? " · " + state.problems[0] : "";
      say(state.watermark === null ? "no data yet" + problem : "live, " + ago(state.watermark) + " behind" + problem,
        state.problems.length ? "problem" : "ok");
    } catch {
      say("the monitor does not answer", "lost");
    }
  };

  const filter = () => {
    const box = document.getElementById("filter");
    if (!box) return;
    const wanted = box.value.trim().toLowerCase();
    document.querySelectorAll("[data-filter]").forEach((row) => { row.hidden = !row.dataset.filter.includes(wanted); });
  };
  document.addEventListener("input", (event) => { if (event.target.id === "filter") filter(); });

  const theme = (name) => { if (name) document.documentElement.dataset.theme = name; };
  try { theme(localStorage.getItem("theme")); } catch { /* a browser may forbid it */ }
  document.getElementById("theme").addEventListener("click", () => {
    const set = document.documentElement.dataset.theme;
    const dark = set ? set === "dark" : matchMedia("(prefers-color-scheme: dark)").matches;
    theme(dark ? "light" : "dark");
    try { localStorage.setItem("theme", dark ? "light" : "dark"); } catch { /* the same */ }
  });

  document.addEventListener("pointermove", (event) => {
    const told = event.target.closest ? event.target.closest("[data-tip]") : null;
    if (!told) { tip.hidden = true; return; }
    tip.textContent = told.dataset.tip;
    tip.hidden = false;
    const x = Math.min(event.clientX + 14, innerWidth - tip.offsetWidth - 8);
    const y = event.clientY + 18 + tip.offsetHeight > innerHeight ? event.clientY - tip.offsetHeight - 12 : event.clientY + 18;
    tip.style.left = Math.max(4, x) + "px";
    tip.style.top = y + "px";
  });
  document.addEventListener("keydown", (event) => { if (event.key === "Escape") tip.hidden = true; });

  document.addEventListener("visibilitychange", look);
  look();
  setInterval(look, EVERY);
})();
