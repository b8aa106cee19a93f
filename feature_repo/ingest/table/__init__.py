"""A team's own tables, by a mapping file: CSV, JSON lines and Parquet of videos, viewers, events and impressions."""
