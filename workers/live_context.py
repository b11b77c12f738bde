"""The live pipeline, beside the historic one: every state machine on rows that arrive today.

live     LiveMonthly < LiveDaily < LiveHourly <- flight_live <- LiveFeed, a daemon

`./launch.py demo --live` runs it; so does `SYNERGY_CONTEXT_MODULE=workers.live_context
./launch.py up`. LIVE_SPEED in the environment is the speed factor.
"""

from constants import (
    PROCESS_LIVE_DAILY,
    PROCESS_LIVE_FEED,
    PROCESS_LIVE_HOURLY,
    PROCESS_LIVE_MONTHLY,
    TOKEN_LIVE,
    TOKEN_LIVE_FEED,
    TREE_LIVE,
)
from db.live import start_timeperiod
from synergy.conf.entries import (
    BLOCKING_CHILDREN,
    QUALIFIER_DAILY,
    QUALIFIER_HOURLY,
    QUALIFIER_MONTHLY,
    STATE_MACHINE_CONTINUOUS,
    STATE_MACHINE_DISCRETE,
    STATE_MACHINE_RECOMPUTING,
    daemon_context_entry,
    managed_context_entry,
    timetable_tree_entry,
)

ANY_BOX = ['.*']

process_context = {
    PROCESS_LIVE_FEED: daemon_context_entry(
        process_name=PROCESS_LIVE_FEED,
        classname='workers.live_feed.LiveFeed.start',
        token=TOKEN_LIVE_FEED,
        present_on_boxes=ANY_BOX,
    ),
    PROCESS_LIVE_HOURLY: managed_context_entry(
        process_name=PROCESS_LIVE_HOURLY,
        classname='workers.flight_live.FlightLive',
        token=TOKEN_LIVE,
        time_qualifier=QUALIFIER_HOURLY,
        trigger_frequency='every 5',
        state_machine_name=STATE_MACHINE_RECOMPUTING,
        data_source='db.live_source.LiveSource',
        present_on_boxes=ANY_BOX,
        source='flight_live',
        sink='live_hourly',
        # Past the end of an hour, so that the feed, which looks every second, has passed it too.
        lag_minutes=0.05,
        # Should it be late, the final run waits for it by failing.
        max_attempts=10,
        retry_delay=2,
        max_running=8,
    ),
    PROCESS_LIVE_DAILY: managed_context_entry(
        process_name=PROCESS_LIVE_DAILY,
        classname='workers.flight_rollup.FlightRollup',
        token=TOKEN_LIVE,
        time_qualifier=QUALIFIER_DAILY,
        trigger_frequency='every 5',
        state_machine_name=STATE_MACHINE_CONTINUOUS,
        present_on_boxes=ANY_BOX,
        source='live_hourly',
        sink='live_daily',
        lag_minutes=0,
        max_running=2,
    ),
    PROCESS_LIVE_MONTHLY: managed_context_entry(
        process_name=PROCESS_LIVE_MONTHLY,
        classname='workers.flight_rollup.FlightRollup',
        token=TOKEN_LIVE,
        time_qualifier=QUALIFIER_MONTHLY,
        trigger_frequency='every 5',
        state_machine_name=STATE_MACHINE_DISCRETE,
        blocking_type=BLOCKING_CHILDREN,
        present_on_boxes=ANY_BOX,
        source='live_daily',
        sink='live_monthly',
        lag_minutes=0,
    ),
}

timetable_context = {
    TREE_LIVE: timetable_tree_entry(
        tree_name=TREE_LIVE,
        enclosed_processes=[PROCESS_LIVE_MONTHLY, PROCESS_LIVE_DAILY, PROCESS_LIVE_HOURLY],
        start_timeperiod=start_timeperiod(),
        mx_name='Live flights',
        mx_page='flights',
    ),
}
