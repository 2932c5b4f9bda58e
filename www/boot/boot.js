// Runs before anything is drawn: sets the language and the colours of the page, and says so at once
// when this browser cannot run the lab. Written for old browsers, because they are told here.
//
// Language: ?lang=ko|en, else the choice that was saved, else the reader's languages, else Korean.
// Colours: ?theme=light|dark|auto, else the choice that was saved, else the system's.
// The page saves its choices in localStorage as "pushpull.lang" and "pushpull.theme".
(function () {
  "use strict";
  var root = document.documentElement;

  function asked(name, values) {
    var found = new RegExp("[?&]" + name + "=(" + values + ")(&|$)", "i").exec(location.search);
    return found ? found[1].toLowerCase() : null;
  }

  function saved(name, values) {
    try {
      var value = localStorage.getItem("pushpull." + name);
      return value && new RegExp("^(" + values + ")$").test(value) ? value : null;
    } catch (refused) {
      return null;
    }
  }

  function preferred() {
    var languages = navigator.languages || [navigator.language || "ko"];
    for (var i = 0; i < languages.length; i++) {
      var found = /^(ko|en)\b/i.exec(languages[i]);
      if (found) return found[1].toLowerCase();
    }
    return languages.length > 0 ? "en" : "ko";
  }

  var language = asked("lang", "ko|en") || saved("lang", "ko|en") || preferred();
  root.lang = language;
  if (language === "en") document.title = "pushpull: Kafka and RabbitMQ side by side";

  var theme = asked("theme", "light|dark|auto") || saved("theme", "light|dark");
  if (theme === "light" || theme === "dark") {
    root.setAttribute("data-theme", theme);
    // The frame of the browser takes the colour of the page.
    var colours = document.querySelectorAll('meta[name="theme-color"]');
    var chosen = document.querySelector('meta[name="theme-color"][media*="' + theme + '"]');
    for (var i = 0; i < colours.length; i++) colours[i].content = chosen.content;
  }
  if (asked("background", "transparent")) root.className = "is-transparent";

  // The words are drawn first. The picture has many more, and comes a frame later.
  root.setAttribute("data-words", "");
  requestAnimationFrame(function drawn() {
    if (document.readyState === "loading") return requestAnimationFrame(drawn);
    setTimeout(function () {
      root.removeAttribute("data-words");
    }, 0);
  });

  if (location.protocol === "file:") {
    root.setAttribute("data-trouble", "file");
  } else if (
    !("noModule" in document.createElement("script")) ||
    !window.CSS ||
    !CSS.supports("container-type", "inline-size")
  ) {
    root.setAttribute("data-trouble", "old");
  } else if (typeof WebAssembly !== "object") {
    root.setAttribute("data-trouble", "forbidden");
  }
})();
