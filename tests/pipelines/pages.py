"""A context for pages: a tree of four levels, one that depends on it, free runs, hostile texts."""

from synergy.conf.entries import (
    BLOCKING_CHILDREN,
    BLOCKING_DEPENDENCIES,
    QUALIFIER_DAILY,
    QUALIFIER_HOURLY,
    QUALIFIER_MONTHLY,
    QUALIFIER_YEARLY,
    RawEntry,
    alert,
    freerun_context_entry,
    managed_context_entry,
    pool,
    timetable_tree_entry,
)

#: In addresses of receivers: no door ever shows it.
HUSH = 'Geheim5cr4t'
HOSTILE = '<script>alert(1)</script>&"\''


def _managed(name: str, qualifier: str, **fields: object) -> RawEntry:
    return managed_context_entry(
        process_name=name,
        classname='synergy.workers.shell.ShellWorker',
        token=name.lower(),
        time_qualifier=qualifier,
        present_on_boxes=['.*'],
        **fields,  # type: ignore[arg-type] # fields of the entry, by their names
    )


process_context = {
    'SiteHourly': _managed(
        'SiteHourly', QUALIFIER_HOURLY, on_failure='hold', max_running=4, pools='warehouse'
    ),
    'SiteDaily': _managed('SiteDaily', QUALIFIER_DAILY, blocking_type=BLOCKING_CHILDREN),
    'SiteMonthly': _managed('SiteMonthly', QUALIFIER_MONTHLY, blocking_type=BLOCKING_CHILDREN),
    'SiteYearly': _managed('SiteYearly', QUALIFIER_YEARLY, blocking_type=BLOCKING_CHILDREN),
    'AlertDaily': _managed('AlertDaily', QUALIFIER_DAILY, blocking_type=BLOCKING_DEPENDENCIES),
    'Shell::sweep': freerun_context_entry(
        process_name='Shell',
        entry_name='sweep',
        classname='synergy.workers.shell.ShellWorker',
        token='shell',
        trigger_frequency='every 600',
        present_on_boxes=['.*'],
        arguments={'command': ['true', HOSTILE], 'api_token': 'hush-hush'},
        description=HOSTILE,
        pools={'warehouse': 2},
        priority=70,
    ),
}

alert_context = {
    'night': alert(
        on=['late', 'failed', 'held', 'no_leader'],
        for_=['tree:site', 'process:Shell*'],
        to=[
            f'hooks://{HUSH}@hooks.example/{HUSH}?{HUSH}={HUSH}',
            f'mailto://robot:{HUSH}@mail.example?to=anna@mail.example',
        ],
        escalate_after=30,
        escalate_to=[f'hook://{HUSH}@boss.example/'],
    ),
    'quiet': alert(on=['late', 'box_vanished'], to=[f'hooks://{HUSH}@quiet.example'], piercing=[]),
}

pool_context = {'warehouse': pool(slots=4, per_minute=600)}

timetable_context = {
    'site': timetable_tree_entry(
        tree_name='site',
        enclosed_processes=['SiteYearly', 'SiteMonthly', 'SiteDaily', 'SiteHourly'],
        start_timeperiod='2026090100',
        mx_name='Site',
        mx_page='traffic',
    ),
    'alert': timetable_tree_entry(
        tree_name='alert',
        enclosed_processes=['AlertDaily'],
        dependent_on=['site'],
        start_timeperiod='2026090100',
        mx_name='Alerts',
        mx_page='alarms',
    ),
}
