"""Find the person in the pictures of a video: landmarks, who is followed, which way is up."""
