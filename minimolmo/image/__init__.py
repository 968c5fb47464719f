"""Images to crops: open, resize, cut into overlapping crops. numpy and Pillow, no torch."""
