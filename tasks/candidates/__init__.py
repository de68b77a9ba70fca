"""Candidates: the boxes of a board image that are suspected to hold a defect."""
