"""The hundred processes of `bench.mx_context`, whose jobs are done, and the pipeline beside.

The pipeline gives the Scheduler all that it can do while the dashboard is looked at.
"""

from bench import mx_context, pipeline

process_context = {**mx_context.process_context, **pipeline.process_context}
timetable_context = {**mx_context.timetable_context, **pipeline.timetable_context}
