"""Which labels a person should look at again, and why: labels and scores that disagree most."""
