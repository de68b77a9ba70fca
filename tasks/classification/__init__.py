"""From rows of metrics to one composite score per image: VQGanoDIP, section 3.3."""
