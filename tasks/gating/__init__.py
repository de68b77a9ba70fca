"""The promotion gate: a challenger beside the present champion on the same boards."""
