"""The outside world: pins, camera, microphone, clock, disk. The only code that names their libraries."""
