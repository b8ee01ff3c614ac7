// Paper shows what the screen shows: the map as it stands and the panel, each made smaller or larger as a whole until it
// fits. Printing from the page waits until all is painted; the browser's own print cannot wait, so it paints what is due.
"use strict";
onemap.papers = { A4: { map: 199, tall: 188, panel: 76 }, A3: { map: 288, tall: 275, panel: 108 } };
onemap.paintPatience = 30_000;
onemap.printDpi = 250;

// Layers of tiles that still load, pictures that have not come, and movements that have not ended.
onemap.busy = function (map) {
  let busy = Boolean(map._animatingZoom || (map._panAnim && map._panAnim._inProgress));
  map.eachLayer((layer) => (busy = busy || Boolean(layer.isLoading && layer.isLoading())));
  const pictures = [...map.getContainer().querySelectorAll("img.leaflet-image-layer")];
  return busy || pictures.some((one) => !one.complete) || (typeof onemapFaces !== "undefined" && onemapFaces.busy());
};

onemap.painted = async function (map) {
  const frame = () => new Promise((resolve) => requestAnimationFrame(() => window.setTimeout(resolve, 0)));
  const until = performance.now() + onemap.paintPatience;
  for (let still = 0; still < 3 && performance.now() < until; ) {
    await frame();
    still = onemap.busy(map) ? 0 : still + 1;
  }
};

// All that is drawn as one picture with so many pixels to one of the screen. In a printed page every hatched shape would
// become a picture of its own, megabytes of them, and canvases stay as coarse as the screen is.
onemap.drawing = async function (map, ratio) {
  const { x, y } = map.getSize();
  const sheet = document.createElement("canvas");
  [sheet.width, sheet.height] = [x * ratio, y * ratio];
  const pen = sheet.getContext("2d");
  const home = map.getContainer().getBoundingClientRect();
  const defs = [...document.querySelectorAll("svg.patterns defs")].map((one) => one.outerHTML).join("");
  const level = (pane) => Number(getComputedStyle(pane).zIndex) || 0;
  for (const pane of [...map.getPane("mapPane").children].sort((a, b) => level(a) - level(b)))
    for (const drawn of pane.querySelectorAll("canvas, svg.leaflet-zoom-animated")) {
      const box = drawn.getBoundingClientRect();
      const place = [box.left - home.left, box.top - home.top, box.width, box.height].map((side) => side * ratio);
      let picture = drawn;
      if (drawn.tagName === "CANVAS" && typeof onemapFaces !== "undefined") picture = onemapFaces.sharp(drawn, ratio);
      if (drawn.tagName !== "CANVAS") {
        const copy = drawn.cloneNode(true);
        copy.removeAttribute("style");
        copy.setAttribute("width", place[2]);
        copy.setAttribute("height", place[3]);
        copy.insertAdjacentHTML("afterbegin", defs);
        picture = new Image();
        picture.src = `data:image/svg+xml,${encodeURIComponent(new XMLSerializer().serializeToString(copy))}`;
        await picture.decode();
      }
      pen.drawImage(picture, ...place);
    }
  const picture = new Image(x, y);
  picture.src = sheet.toDataURL();
  await picture.decode();
  return picture;
};

onemap.startPrint = function (map, data) {
  const page = document.documentElement;
  const panel = document.getElementById("panel");
  const folded = document.querySelectorAll("#panel details:not([open])");
  let paper = "A4";
  let drawing = null;
  const sharpen = async () => {
    const dots = (onemap.papers[paper].map / 25.4) * onemap.printDpi;
    drawing = await onemap.drawing(map, Math.min(4, Math.ceil(dots / map.getSize().x)));
    drawing.className = "sheet";
    const pane = map.getPane("sheet") || map.createPane("sheet");
    pane.append(drawing);
    L.DomUtil.setPosition(drawing, map.containerPointToLayerPoint([0, 0]));
    page.classList.add("sharp");
  };
  window.addEventListener("beforeprint", () => {
    if (typeof onemapFaces !== "undefined") onemapFaces.finish();
    const { x, y } = map.getSize();
    page.classList.add("printing");
    for (const one of folded) one.open = true;
    const mm = 96 / 25.4;
    const room = onemap.papers[paper];
    const sizes = {
      "map-width": `${x}px`,
      "map-height": `${y}px`,
      "map-scale": Math.min((room.map * mm) / x, (room.tall * mm) / y),
      "panel-scale": Math.min((room.panel * mm) / panel.offsetWidth, (room.tall * mm) / panel.offsetHeight),
    };
    for (const [name, size] of Object.entries(sizes)) page.style.setProperty(`--${name}`, size);
  });
  window.addEventListener("afterprint", () => {
    page.classList.remove("printing", "sharp");
    if (drawing) drawing.remove();
    drawing = null;
    for (const one of folded) one.open = false;
  });
  if (window.self !== window.top) return; // a notebook's frame may not print

  const Tool = L.Control.extend({
    options: { position: "topleft" },
    onAdd() {
      const bar = onemap.element("div", "leaflet-bar measure print");
      const button = onemap.element("button", "", data.texts.print);
      button.type = "button";
      const choice = onemap.element("select");
      choice.setAttribute("aria-label", data.texts.paper);
      for (const name of Object.keys(onemap.papers)) choice.append(onemap.element("option", "", name));
      choice.addEventListener("change", () => {
        paper = choice.value;
        for (const name of Object.keys(onemap.papers)) page.classList.toggle(name.toLowerCase(), name === paper);
      });
      button.addEventListener("click", async () => {
        button.disabled = true;
        button.textContent = data.texts.painting;
        await onemap.painted(map);
        await sharpen().catch(() => {}); // paper without it is only coarser
        button.disabled = false;
        button.textContent = data.texts.print;
        window.print();
      });
      bar.append(button, choice);
      L.DomEvent.disableClickPropagation(bar);
      return bar;
    },
  });
  map.addControl(new Tool());
};
