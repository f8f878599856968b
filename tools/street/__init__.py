"""A street network from two sets of photographs that name different things: LabelMeFacade and CamVid."""
