"""The routes: one file per group, each listed in http/app.py."""
