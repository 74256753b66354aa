"""Hot reload: another version of the rooms that think, tried and taken while calls run, and given up if it is worse."""
