"""The policy decision point: what the partners agreed on, read strictly, asked fast; the only importer of cedarpy."""
