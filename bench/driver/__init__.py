"""The benchmark's driver: see ``run.py``."""
