// Marker pictures come from the page itself; the attribution carries no flag.
L.Icon.Default.imagePath = "";
L.Icon.Default.mergeOptions(onemapIcons);
L.Control.Attribution.prototype.options.prefix = false;
