"""One request and its answer: who asks, what may be asked, how it is answered."""
