// Paper shows what the screen shows: the map as it stands and the panel, each made smaller as a whole until it fits.
"use strict";
onemap.startPrint = function (map) {
  const page = document.documentElement;
  const panel = document.getElementById("panel");
  const folded = document.querySelectorAll("#panel details:not([open])");
  window.addEventListener("beforeprint", () => {
    const { x, y } = map.getSize();
    page.classList.add("printing");
    for (const one of folded) one.open = true;
    const mm = 96 / 25.4;
    const sizes = {
      "map-width": `${x}px`,
      "map-height": `${y}px`,
      "map-scale": Math.min((199 * mm) / x, (188 * mm) / y),
      "panel-scale": Math.min((76 * mm) / panel.offsetWidth, (188 * mm) / panel.offsetHeight),
    };
    for (const [name, size] of Object.entries(sizes)) page.style.setProperty(`--${name}`, size);
  });
  window.addEventListener("afterprint", () => {
    page.classList.remove("printing");
    for (const one of folded) one.open = false;
  });
};
