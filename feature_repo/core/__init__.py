"""What every layer stands on: homes, errors, files, progress, processes. Standard library only."""
