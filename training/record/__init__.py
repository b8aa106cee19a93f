"""Records of trainings and results: JSON files, the quality page, MLflow."""
