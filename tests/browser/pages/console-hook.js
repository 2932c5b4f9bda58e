// The test server puts this first into every page, so that nothing is said before it listens.
(() => {
  const heard = (window.__console_heard = []);
  const tell = (level, words) => heard.push({ level, text: words.map((word) => (word instanceof Error ? String(word) : typeof word === "string" ? word : JSON.stringify(word))).join(" ") });
  for (const [name, level] of [["error", "SEVERE"], ["warn", "WARNING"]]) {
    const original = console[name];
    console[name] = (...words) => {
      tell(level, words);
      original.apply(console, words);
    };
  }
  addEventListener("error", (event) => event.message && tell("SEVERE", [event.message]));
  addEventListener("unhandledrejection", (event) => tell("SEVERE", ["Uncaught (in promise)", event.reason]));
  addEventListener("securitypolicyviolation", (event) => tell("SEVERE", ["blocked by the content security policy:", event.violatedDirective, event.blockedURI]));
})();
