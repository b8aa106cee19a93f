"""What we learn: models as torch modules and numpy artifacts. No I/O beyond artifact files."""
