"""Run units: workers, supervisor, Slurm, Ray."""
