"""What finance reads from the books: each report is a statement or two, and says which account it ties to."""
