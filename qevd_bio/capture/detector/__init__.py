"""BlazePose, a detector of people and their landmarks in single pictures, on any CPU."""
