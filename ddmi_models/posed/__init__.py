"""Objects in posed pictures, for trainings and for files of the user's own: how they lie on disks, carving."""
