"""Where candidates come from: one file per source, asked by pages and by the recall that training measures alike."""
