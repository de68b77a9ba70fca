"""What measuring an image costs, road by road: figures as ratios of one run."""
