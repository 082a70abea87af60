"""The project: settings, wiring, and the library that knows no business."""
