// Drawing a site by clicks, and moving the corners of one that is there.
"use strict";
const meetingSketch = (() => {
  const MOST_HANDLES = 400;
  const icon = (className, size) => L.divIcon({ className, iconSize: [size, size] });

  const draw = (map, { started, changed, done }) => {
    let points = null;
    let line = null;
    const show = () => {
      if (line) line.remove();
      line = points && points.length ? L.polyline(points, { color: "#111111", weight: 2, dashArray: "5 4", interactive: false }).addTo(map) : null;
      changed(points ? points.length : 0);
    };
    const start = () => {
      points = [];
      onemap.measuring = "site";
      map.doubleClickZoom.disable();
      map.getContainer().classList.add("drawing");
      started(true);
      show();
    };
    const stop = () => {
      points = null;
      map.getContainer().classList.remove("drawing");
      window.setTimeout(() => {
        onemap.measuring = null;
        map.doubleClickZoom.enable();
      }, 250);
      started(false);
      show();
    };
    const finish = () => {
      const ring = (points || []).filter((p, i, all) => !i || p.lat !== all[i - 1].lat || p.lng !== all[i - 1].lng);
      if (ring.length < 3) return;
      stop();
      done([[ring.map((p) => [p.lng, p.lat])]]);
    };
    map.on("click", (event) => {
      if (!points) return;
      points.push(event.latlng);
      show();
    });
    map.on("dblclick", finish);
    document.addEventListener("keydown", (event) => {
      if (!points) return;
      if (event.key === "Escape") stop();
      if (event.key === "Enter") finish();
    });
    return { start, finish, undo: () => points && (points.pop(), show()), active: () => points !== null };
  };

  // Handles on the corners of polygons (lists of rings of [lng, lat]); small ones between them make new corners.
  const handles = (map, polygons, { moving, moved }) => {
    const group = L.layerGroup().addTo(map);
    const count = polygons.flat().reduce((sum, ring) => sum + ring.length, 0);
    const corner = (ring, i) => {
      const marker = L.marker([ring[i][1], ring[i][0]], { icon: icon("vertex", 12), draggable: true, keyboard: false }).addTo(group);
      marker.on("drag", () => {
        const { lat, lng } = marker.getLatLng();
        ring[i] = [lng, lat];
        moving();
      });
      marker.on("dragend", moved);
      marker.on("contextmenu", () => {
        if (ring.length < 4) return;
        ring.splice(i, 1);
        moved();
      });
    };
    const between = (ring, i) => {
      const [a, b] = [ring[i], ring[(i + 1) % ring.length]];
      const marker = L.marker([(a[1] + b[1]) / 2, (a[0] + b[0]) / 2], { icon: icon("middle", 9), draggable: true, keyboard: false }).addTo(group);
      let made = false;
      marker.on("drag", () => {
        const { lat, lng } = marker.getLatLng();
        if (made) ring[i + 1] = [lng, lat];
        else ring.splice(i + 1, 0, [lng, lat]);
        made = true;
        moving();
      });
      marker.on("dragend", moved);
    };
    if (count <= MOST_HANDLES) {
      for (const ring of polygons.flat()) {
        ring.forEach((_, i) => corner(ring, i));
        if (count <= MOST_HANDLES / 4) ring.forEach((_, i) => between(ring, i));
      }
    }
    return group;
  };
  return { draw, handles };
})();
