"""Faces in pictures: trackers, landmarks, head pose, and the performance file of a whole driver."""
