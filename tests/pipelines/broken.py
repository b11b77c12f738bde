"""A context with three problems."""

from synergy.conf.entries import QUALIFIER_DAILY, managed_context_entry, timetable_tree_entry

process_context = {
    'A': managed_context_entry('A', 'tests.pipelines.journal.Jornal', 'a', QUALIFIER_DAILY),
    'B': managed_context_entry(
        'B', 'tests.pipelines.journal.Journal', 'b', QUALIFIER_DAILY, trigger_frequency='never'
    ),
    'C': managed_context_entry(
        'C', 'tests.pipelines.journal.Journal', 'c', QUALIFIER_DAILY, max_running=-1
    ),
}
timetable_context = [timetable_tree_entry('a', ['A']), timetable_tree_entry('b', ['B', 'C'])]
