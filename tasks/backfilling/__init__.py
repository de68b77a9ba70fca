"""An archive's past: which part of it is asked for, how it is cut up, and how fast it is worked on."""
