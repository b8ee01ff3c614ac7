// The list of issues beside the map: a click on an entry shows its place.
L.Map.addInitHook(function () {
  const map = this;
  function show(entry) {
    const at = L.latLng(entry.dataset.at.split(",").map(Number));
    map.setView(at, Math.max(map.getZoom(), 17));
    map.eachLayer((layer) => {
      if (layer.getPopup && layer.getPopup() && layer.getLatLng && layer.getLatLng().distanceTo(at) < 0.05) layer.openPopup();
    });
  }
  for (const entry of document.querySelectorAll("#issues li[data-at]")) {
    entry.addEventListener("click", () => show(entry));
    entry.addEventListener("keydown", (event) => { if (event.key === "Enter") show(entry); });
  }
});
