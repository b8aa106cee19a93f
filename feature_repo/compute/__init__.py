"""One transformation per feature: batch windows, folded state, request-time crosses."""
