"""What a process prints and logs, as lines of its log; of a worker, of the log of its run, too.

lines        bytes -> lines, of bounded length, at a cost that is linear in what was printed
outlet       the one handler of a process: its rotating file, its terminal, the run under way
streams      `sys.stdout` and `sys.stderr`: full text streams whose lines reach the outlet
descriptors  1 and 2, which processes that user code starts inherit: pipes, and who reads them
capture      all of these around the runs of a worker
"""
