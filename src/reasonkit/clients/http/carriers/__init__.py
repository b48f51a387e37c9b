"""How bytes travel: one file for each HTTP library, and nothing outside this folder knows any of them."""
