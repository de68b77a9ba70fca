"""What may be said about escapes and false calls, and the threshold that it is said about."""
