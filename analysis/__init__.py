"""From raw hits to images, spectra, clusters and files."""
