(function () {
  "use strict";
  var root = document.documentElement;
  var theme = document.getElementById("theme");
  var names = ["auto", "light", "dark"];
  var now = 0;
  theme.hidden = false;
  theme.addEventListener("click", function () {
    now = (now + 1) % names.length;
    if (now === 0) { root.removeAttribute("data-theme"); } else { root.setAttribute("data-theme", names[now]); }
    theme.textContent = "theme: " + names[now];
  });
  var all = document.querySelectorAll("article details");
  var open = document.getElementById("open");
  open.hidden = all.length === 0;
  open.addEventListener("click", function () {
    var closed = Array.prototype.some.call(all, function (one) { return !one.open; });
    Array.prototype.forEach.call(all, function (one) { one.open = closed; });
    open.textContent = closed ? "close all raw figures" : "open all raw figures";
  });
  var copy = document.getElementById("copy");
  if (navigator.clipboard) {
    copy.hidden = false;
    copy.addEventListener("click", function () {
      navigator.clipboard.writeText(document.getElementById("json").textContent).then(function () {
        copy.textContent = "copied";
      });
    });
  }
})();
