"""The whole system on a simulated clock, from one seed: scheduler, workers and supervisor are real.

`stage` runs actors, one at a time, on simulated time; `store` and `broker` are what fails;
`monitor` watches the promises; `world` puts them together. A run is a function of its seed.
"""
