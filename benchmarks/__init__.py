"""Measured figures beside the bars they must reach; nothing here ships in the wheel."""
