"""Work: what takes longer than a request. Threads do it where a server runs, functions on AWS."""
