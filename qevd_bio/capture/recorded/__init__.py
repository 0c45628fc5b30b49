"""The backend for motion that others have measured: HSMR dumps, OpenSim files."""
